"""The cache of prepared documents: what is kept, and that it is bounded."""

from app.documents import Document, Documents, Refused
from app.limits import Limits
from tests.app.small_school import School


def documents(**options) -> Documents:
    settings = {"introspection": True, "most": 10, "most_bytes": 1_000_000, **options}
    return Documents(School().schema(), Limits(), **settings)


def test_a_text_is_prepared_once_whether_good_or_bad():
    kept = documents()
    for query, kind in (("{ me { id } }", Document), ("{ nope }", Refused), ("{", Refused)):
        first = kept.prepared(query)
        assert isinstance(first, kind)
        assert kept.prepared(query) is first


def test_the_least_recently_used_goes_first():
    kept = documents(most=2)
    first, second = kept.prepared("{ me { id } }"), kept.prepared("{ me { name } }")
    assert kept.prepared("{ me { id } }") is first
    kept.prepared("{ __typename }")
    assert kept.prepared("{ me { id } }") is first
    assert kept.prepared("{ me { name } }") is not second


def test_the_memory_of_all_documents_is_bounded():
    kept = documents(most=1_000_000, most_bytes=200_000)
    small = kept.prepared("{ me { id } }")
    for number in range(100):
        kept.prepared("{ me { id } } #" + str(number) * 1_000)
    assert kept.prepared("{ me { id } }") is not small


def test_a_text_larger_than_the_whole_cache_is_answered_all_the_same():
    kept = documents(most_bytes=100)
    assert isinstance(kept.prepared("{ me { id name } }"), Document)
    assert isinstance(kept.prepared("{ me { id name } }"), Document)


def test_long_refused_texts_do_not_pile_up():
    kept = documents(most_bytes=100_000)
    small = kept.prepared("{ me { id } }")
    kept.prepared("x" * 500_000)
    assert kept.prepared("{ me { id } }") is not small
    assert isinstance(kept.prepared("{ me { id } }"), Document)
