"""One stack a file. A stack takes the stacks that it needs and offers what others need of it."""
