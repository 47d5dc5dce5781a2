"""The commands of `python -m app`, one file for each kind; `main` has their arguments.

What a command was asked for is the last line on stdout, alone; whatever else it has to say goes to stderr.
"""
