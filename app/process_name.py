"""What a process calls itself."""

import secrets
import socket


def holder() -> str:
    """A name for this process that no other has."""
    return f"{socket.gethostname()}-{secrets.token_hex(8)}"
