"""Words of texts and what they weigh: the same for every search engine, so that all rank alike."""

import re
import unicodedata
from collections.abc import Mapping

WEIGHTS: Mapping[str, int] = {"title": 8, "tags": 4, "summary": 2, "body": 1}
"""Powers of two: a sum of them names the fields that hold a word."""
QUERY_WORDS = 8
DOCUMENT_WORDS = 400
"""Different words of one document that are indexed, those of heavier fields first."""
WORD_CHARACTERS = 40

_WORD = re.compile(rf"([^\W_]{{1,{WORD_CHARACTERS}}})[^\W_]*")


def words(text: str) -> list[str]:
    """Lower-case words without diacritics, in the text's order, without repeats, cut to 40 characters."""
    bare = text.casefold()
    if not bare.isascii():
        plain = unicodedata.normalize("NFKD", bare)
        bare = "".join(character for character in plain if not unicodedata.combining(character))
    return list(dict.fromkeys(_WORD.findall(bare)))


def query_words(text: str) -> list[str]:
    return words(text)[:QUERY_WORDS]


def indexed(fields: Mapping[str, str]) -> dict[str, list[str]]:
    """The words of a document's fields that are found, by field."""
    found = {name: words(text) for name in WEIGHTS if (text := fields.get(name))}
    if sum(map(len, found.values())) <= DOCUMENT_WORDS:
        return found  # as nearly always
    different: set[str] = set()
    for name, some in found.items():
        different.update([word for word in some if word not in different][: DOCUMENT_WORDS - len(different)])
        found[name] = [word for word in some if word in different]
    return found


def weighed(fields: Mapping[str, str]) -> dict[str, int]:
    """Each indexed word of a document and the summed weight of the fields that hold it."""
    found: dict[str, int] = {}
    for name, some in indexed(fields).items():
        for word in some:
            found[word] = found.get(word, 0) + WEIGHTS[name]
    return found
