"""What SNS puts around a message on its way into a queue, unless the subscription says that it shall not."""

import msgspec


def content(body: str) -> str:
    """The message that was published. Raises msgspec.DecodeError for a text that is no JSON."""
    envelope = msgspec.json.decode(body)
    message = envelope.get("Message") if isinstance(envelope, dict) else None
    return message if isinstance(message, str) else body
