"""`python -m app.probe`: does the server of this container answer? Exit status 0 or 1.

It imports next to nothing, for it runs often.
"""

import http.client
import os
import sys

SECONDS = 3


def answers(port: int) -> bool:
    """Whether /livez of the server at this port of this machine says 200 in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers(int(os.environ.get("PORT") or 8000)) else 1)
