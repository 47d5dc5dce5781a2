"""docs/troubleshooting.md has a line for every errorType, and docs/runbooks.md a section for every alarm."""

import re

from tests.docs.test_error_codes import told
from tests.server_process import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text("utf-8")
_ALARM = re.compile(r'_alarm\(\s*f?"([A-Za-z{}]+)"|"([A-Z]\w+)": \("?\w+Utilization|"(Tables\w+)":|"(NewVersionFails)"')


def test_every_error_type_is_there_once() -> None:
    names = re.findall(r"^\| (\w+) \|", PAGE, re.MULTILINE)
    assert len(names) == len(set(names))
    assert set(names) - {"errorType"} == told()


def test_what_it_names_of_the_contract_exists() -> None:
    named = set(re.findall(r"`([a-z]+[A-Z]\w+)`", PAGE)) - {"errorType", "operationName", "retryAfterSeconds"}
    contract = "".join(path.read_text("utf-8") for path in (ROOT / "schema").glob("*.graphql"))
    assert "reinstateUser" in named
    assert {name for name in named if not re.search(rf"\b{name}\b", contract)} == set()


def test_every_alarm_has_a_runbook() -> None:
    source = (ROOT / "infra" / "stacks" / "observability.py").read_text("utf-8")
    names = {next(filter(None, groups)) for groups in _ALARM.findall(source)}
    assert "WorkersLag" in names
    told_of = set(re.findall(r"\w+", " ".join(re.findall(r"^## (.*)$", RUNBOOKS, re.MULTILINE))))
    for name in names:
        made = {name.replace("{name}", each) for each in ("Server", "Worker")} if "{name}s" in name else {name}
        if name != "{name}Dead":  # a queue's; one section for all
            assert made <= told_of, name
    assert "## Dead letters" in RUNBOOKS
