"""Every scalar that behaves in its own way, by name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from app.scalars import addresses, embedded_json, numbers, times


class Scalar(NamedTuple):
    """One scalar's behaviour.

    Attributes:
        parse: what a request's JSON holds -> what resolvers get. Raises ValueError, whose text is the
            rule that was broken and holds nothing of the input.
        serialise: what a resolver gave -> what the response's JSON holds. Raises ValueError likewise;
            that is a bug of ours, not of the caller.
        python: the type that resolvers see, as an annotation.
        description: for introspection.
    """

    parse: Callable[[Any], Any]
    serialise: Callable[[Any], Any]
    python: str
    description: str


def _text(check: Callable[[str], object], description: str, answered: Callable[[str], object] | None = None) -> Scalar:
    """A scalar that stays the text that it came as, once it keeps the rules.

    Args:
        answered: checks what we answer, where the rules for that differ.
    """
    return Scalar(_checked(check), _checked(answered or check), "str", description)


def _checked(check: Callable[[str], object]) -> Callable[[Any], str]:
    def checked(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("a string is expected")
        check(value)
        return value

    return checked


TABLE: Mapping[str, Scalar] = {
    "Int": Scalar(numbers.parse_int, numbers.serialise_int, "int", "A whole number from -(2^31) to 2^31 - 1."),
    "Float": Scalar(numbers.parse_float, numbers.serialise_float, "float", "A finite IEEE 754 double."),
    "AWSTimestamp": Scalar(
        numbers.parse_seconds, numbers.parse_seconds, "int", "Seconds since 1970-01-01T00:00Z, before it negative."
    ),
    "AWSDate": _text(times.check_date, "A date, `YYYY-MM-DD`, with or without an offset: `Z` or `±hh:mm[:ss]`."),
    "AWSTime": _text(times.check_time, "A time of day, `hh:mm[:ss[.fff]]`, with or without an offset."),
    "AWSDateTime": Scalar(
        times.parse_moment,
        times.serialise_moment,
        "Timestamp",
        "A moment, `YYYY-MM-DDThh:mm[:ss[.fff]]` with an offset; answered in UTC with milliseconds.",
    ),
    "AWSEmail": _text(addresses.check_email, "An e-mail address, `local-part@domain-part`."),
    "AWSJSON": Scalar(embedded_json.parse, embedded_json.serialise, "Any", "Any JSON value, written as a string."),
    "AWSURL": _text(addresses.check_url, "A URL with its scheme, without `//` in the path.", addresses.check_own_url),
    "AWSPhone": _text(addresses.check_phone, "A phone number; without a country code it is North American."),
    "AWSIPAddress": _text(addresses.check_ip, "An IPv4 or IPv6 address, with or without a CIDR suffix."),
}
