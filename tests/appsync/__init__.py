"""AppSync in the process of a test: it plans and completes operations, and leaves each field to our function.

Written against AppSync's documentation and shares no code with the server's executor, so that the two can
be held against each other.
"""
