"""Sign-in: AppSync's five modes, from the headers of a request to a verified `Caller`.

`config` says what a deployment accepts, `authenticator` decides which mode a request speaks, and one file
a mode checks it. Nothing here knows HTTP: a socket's header object is checked like a request's headers.
"""
