"""docs/error-codes.md names every errorType that the product sends, and no other."""

import re

from domain.errors import Code
from tests.server_process import ROOT

PAGE = ROOT / "docs" / "error-codes.md"
HTTP_NAMES = re.compile(r'"([A-Z]\w+Exception)"')


def told() -> set[str]:
    """The names in the first column of the page's tables."""
    rows = re.findall(r"^\| ([^|`-][^|]*) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    return {name.strip() for row in rows for name in row.split(",")} - {"errorType"}


def sent_by_http() -> set[str]:
    """AppSync's names, which stand in no list of ours: requests are refused with them before anything runs."""
    sources = [*(ROOT / "app" / "http").glob("*.py"), ROOT / "app" / "execution.py"]
    return {name for source in sources for name in HTTP_NAMES.findall(source.read_text("utf-8"))}


def test_every_code_is_told_and_no_other() -> None:
    http = sent_by_http()
    assert "MalformedHttpRequestException" in http
    assert told() - told_of_sockets() == {code.value for code in Code} | http


def told_of_sockets() -> set[str]:
    """AppSync's names in the frames of its sockets."""
    sources = (ROOT / "app" / "realtime").glob("*.py")
    return set(re.findall(r'"([A-Z]\w+Error)"', "".join(source.read_text("utf-8") for source in sources)))
