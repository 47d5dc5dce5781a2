"""AppSync's form of a call: events that name one field, answered by the resolvers that the server runs.

`invocation` answers an event; `identity` says who asks; `arguments`, `sources` and `results` turn its JSON into
what resolvers take, and what they give into JSON. Nothing here knows Lambda.
"""
