"""What SNS puts around a message on its way into a queue, unless the subscription says that it shall not."""

import msgspec

TRACE = "traceparent"
"""The attribute of a message that says which trace it belongs to."""


def content(body: str) -> str:
    """The message that was published. Raises msgspec.DecodeError for a text that is no JSON."""
    envelope = msgspec.json.decode(body)
    message = envelope.get("Message") if isinstance(envelope, dict) else None
    return message if isinstance(message, str) else body


def trace(body: str) -> str | None:
    """The message's traceparent; None when it has none, or came without an envelope."""
    envelope = msgspec.json.decode(body)
    attributes = envelope.get("MessageAttributes") if isinstance(envelope, dict) else None
    attribute = attributes.get(TRACE) if isinstance(attributes, dict) else None
    value = attribute.get("Value") if isinstance(attribute, dict) else None
    return value if isinstance(value, str) else None
