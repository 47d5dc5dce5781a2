"""What may be declared of a file, and which rule refuses the rest."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Code, DomainError
from domain.file_types import BY_KIND
from domain.part_plan import MAX_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS, MIB, MIN_PART_BYTES, PartPlan, planned
from domain.upload_rules import DEFAULT, GIB, declaration, file_name

DIGEST = {"algorithm": "SHA256", "value": "A" * 43 + "="}


def input_of(**fields: Any) -> dict[str, Any]:
    return {
        "kind": "IMAGE",
        "purpose": "LESSON",
        "file_name": "shore.png",
        "content_type": "image/png",
        "size_bytes": 1000.0,
        **fields,
    }


def refused(**fields: Any) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        declaration(input_of(**fields), DEFAULT)
    return refusal.value


def test_what_fits_is_kept_as_declared() -> None:
    declared = declaration(input_of(content_type="Image/PNG", checksum=DIGEST), DEFAULT)
    assert (declared.content_type, declared.size_bytes, declared.plan) == ("image/png", 1000, None)
    assert declared.checksum is not None
    assert declared.checksum.value == DIGEST["value"]


@pytest.mark.parametrize(
    ("fields", "code", "most"),
    [
        ({"size_bytes": 25 * MIB + 1.0}, Code.UPLOAD_TOO_LARGE, 25 * MIB),
        ({"size_bytes": 5 * MIB + 1.0, "purpose": "AVATAR"}, Code.UPLOAD_TOO_LARGE, 5 * MIB),
        ({"size_bytes": 5 * MIB + 1.0, "purpose": "FACE"}, Code.UPLOAD_TOO_LARGE, 5 * MIB),
        ({"content_type": "image/svg+xml"}, Code.UPLOAD_TYPE_NOT_ALLOWED, 25 * MIB),
        ({"content_type": "text/html"}, Code.UPLOAD_TYPE_NOT_ALLOWED, 25 * MIB),
        ({"content_type": "image/png; x=1"}, Code.UPLOAD_TYPE_NOT_ALLOWED, 25 * MIB),
        ({"content_type": "image/gif", "purpose": "AVATAR"}, Code.UPLOAD_TYPE_NOT_ALLOWED, 5 * MIB),
        ({"kind": "DOCUMENT", "purpose": "CAPTION"}, Code.UPLOAD_TYPE_NOT_ALLOWED, MIB),
        (
            {"kind": "VIDEO", "content_type": "video/mp4", "size_bytes": 50.0 * GIB + 1},
            Code.UPLOAD_TOO_LARGE,
            50 * GIB,
        ),
    ],
)
def test_a_file_beyond_its_rule_is_refused_with_the_rule(fields: dict[str, Any], code: Code, most: int) -> None:
    refusal = refused(**fields)
    assert refusal.code is code
    assert refusal.info["rule"]["maxSizeBytes"] == most
    assert refusal.info["rule"]["contentTypes"]


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"size_bytes": 0.0}, "input.sizeBytes", "RANGE"),
        ({"size_bytes": -1.0}, "input.sizeBytes", "RANGE"),
        ({"size_bytes": 1.5}, "input.sizeBytes", "RANGE"),
        ({"size_bytes": MAX_OBJECT_BYTES + 1.0}, "input.sizeBytes", "RANGE"),
        ({"kind": "VIDEO", "purpose": "AVATAR"}, "input.kind", "PURPOSE"),
        ({"kind": "AUDIO", "purpose": "FACE"}, "input.kind", "PURPOSE"),
        ({"multipart": True, "part_size_bytes": MIN_PART_BYTES - 1.0}, "input.partSizeBytes", "RANGE"),
        ({"multipart": True, "part_size_bytes": MAX_PART_BYTES + 1.0}, "input.partSizeBytes", "RANGE"),
        ({"multipart": True, "part_size_bytes": MIN_PART_BYTES + 0.5}, "input.partSizeBytes", "RANGE"),
        ({"checksum": {"algorithm": "CRC32", "value": "AAAA"}}, "input.checksum.value", "CHECKSUM"),
        ({"checksum": {"algorithm": "CRC32", "value": "!"}}, "input.checksum.value", "CHECKSUM"),
        ({"checksum": {"algorithm": "CRC32", "value": "AAAAAB=="}}, "input.checksum.value", "CHECKSUM"),
        ({"multipart": True, "checksum": DIGEST}, "input.checksum", "ALGORITHM"),
        ({"file_name": "../../x"}, "input.fileName", "CHARACTERS"),
        ({"file_name": "%2e%2e/x"}, "input.fileName", "CHARACTERS"),
        ({"file_name": "..\\x"}, "input.fileName", "CHARACTERS"),
        ({"file_name": ".."}, "input.fileName", "CHARACTERS"),
        ({"file_name": "a\x00b"}, "input.fileName", "CHARACTERS"),
        ({"file_name": "a\nb"}, "input.fileName", "CHARACTERS"),
        ({"file_name": "a" * 256}, "input.fileName", "LENGTH"),
        ({"file_name": "ä" * 128}, "input.fileName", "LENGTH"),
        ({"file_name": "a" * 2000}, "input.fileName", "LENGTH"),
        ({"file_name": " "}, "input.fileName", "LENGTH"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(fields: dict[str, Any], field: str, rule: str) -> None:
    refusal = refused(**fields)
    assert refusal.code is Code.BAD_REQUEST
    assert (refusal.info["field"], refusal.info["rule"]) == (field, rule)


def test_a_name_may_have_255_bytes_of_any_script() -> None:
    assert file_name("ä" * 127 + "x", "input.fileName") == "ä" * 127 + "x"


def test_every_type_of_a_kind_is_known_by_its_first_bytes() -> None:
    rules = {rule.kind: rule for rule in DEFAULT.rules}
    assert set(rules) == set(BY_KIND)
    assert all(rule.content_types and rule.max_size_bytes <= MAX_OBJECT_BYTES for rule in rules.values())
    assert "text/html" not in {name for rule in rules.values() for name in rule.content_types}


class TestPartPlan:
    @given(size=st.integers(1, MAX_OBJECT_BYTES), wanted=st.none() | st.integers(MIN_PART_BYTES, MAX_PART_BYTES))
    def test_parts_make_the_file_within_s3s_limits(self, size: int, wanted: int | None) -> None:
        plan = planned(size, wanted)
        assert 1 <= plan.part_count <= MAX_PARTS
        assert MIN_PART_BYTES <= plan.part_size_bytes <= MAX_PART_BYTES
        last = plan.size_of(plan.part_count)
        assert 1 <= last <= plan.part_size_bytes
        assert (plan.part_count - 1) * plan.part_size_bytes + last == size
        if wanted is not None and wanted * MAX_PARTS >= size:
            assert plan.part_size_bytes == wanted

    def test_5_tib_are_exact(self) -> None:
        assert planned(MAX_OBJECT_BYTES) == PartPlan(5_497_558_138_880, 525 * MIB)
        assert planned(MAX_OBJECT_BYTES).part_count == 9987
