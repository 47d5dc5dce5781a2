"""The runtime behind AWS AppSync: which fields call our function, and what it answers."""
