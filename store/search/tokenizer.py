"""Splits a text into words for search, in the same way on both engines and in every script.

Case, accents, vowel signs and invisible characters are ignored. A word with an apostrophe or hyphen
is found as a whole and by its parts: `l'hôtel` by `hotel`, `e-mail` by `email`.
"""

import re
import unicodedata
from collections.abc import Iterator

from msgspec import Struct

VERSION = "2"  # of these rules; after a change of it everything is indexed again
MAX_WORD_LENGTH = 64  # code points of a word that are indexed
MAX_INDEXED_LENGTH = 10_000  # code points of a text that are indexed; one may unfold into eighteen

# Scripts without spaces, or with endings that are attached to words: any part is found.
DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
# Apostrophes and hyphens in all common forms: between two letters they join a word.
JOINERS = dict.fromkeys(
    map(
        ord,
        "-\u2010\u2011\ufe63\uff0d'`\u00b4\u02b9\u02bb\u02bc\u055a\u05f3\u05f4\u2018\u2019\u2032\uff07",
    ),
    "-",
)
PLAIN_WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
WORD = re.compile(r"[^ -]+(?:-[^ -]+)*")

# Letters that Unicode does not decompose into a plain letter and a mark.
_LETTERS = {
    **dict(zip("łøđðħŧıĸƀɓƈɖɗəǝɛɠɨƙɔɵƥƭʉʋƴƶŋ", "lodd" "htikbbcddeeegikooptuvyzn", strict=True)),
    "æ": "ae", "œ": "oe", "þ": "th", "ß": "ss", "ĳ": "ij",
    "ґ": "г",
    "\u0671": "ا", "\u0649": "ي", "\u06cc": "ي", "\u06a9": "ك", "\u0629": "ه", "\u06c1": "ه",
    "\u06be": "ه", "\u06d5": "ه", "\u0640": "",
    "\u115f": "", "\u1160": "",
}  # fmt: skip
# Scripts in which a mark is a vowel or part of a letter: without it the word is different.
_MARKS_THAT_COUNT = (
    range(0x0900, 0x1AB0), range(0x1B00, 0x1C50), range(0x302A, 0x3030), range(0x3099, 0x309B),
    range(0xA800, 0xAC00), range(0x10A00, 0x10A40), range(0x11000, 0x12000),
)  # fmt: skip


class Term(Struct, frozen=True):
    """A condition on messages: the whole word, or all of its parts."""

    whole: str
    parts: tuple[str, ...] = ()


def of(text: str) -> list[str]:
    """Return each word once; of dense scripts, each character and each pair of characters."""
    found: dict[str, None] = {}
    for whole, parts in _split(text):
        for word in (whole, *parts):
            pieces = [piece for run in DENSE.findall(word) for piece in _pieces(run)]
            found.update(dict.fromkeys(_plain(word)))
            found.update(dict.fromkeys(pieces))
    return list(found)


def wanted(text: str) -> list[Term]:
    """Return the conditions that a message must meet to be found by this text."""
    found: dict[Term, None] = {}
    for whole, parts in _split(text):
        if DENSE.search(whole):
            found.update((Term(word), None) for word in _dense_words(whole))
        else:
            unique = dict.fromkeys(part[:MAX_WORD_LENGTH] for part in parts)
            found[Term(whole[:MAX_WORD_LENGTH], tuple(unique))] = None
    return list(found)


def _dense_words(word: str) -> Iterator[str]:
    yield from _plain(word)
    for run in DENSE.findall(word):
        yield from [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def _plain(word: str) -> list[str]:
    return [part[:MAX_WORD_LENGTH] for part in DENSE.sub(" ", word).split()]


def _pieces(run: str) -> list[str]:
    return [*run, *(run[i : i + 2] for i in range(len(run) - 1))]


def _split(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each word without its joiners, and its parts if it has several."""
    text = text.translate(JOINERS)
    if text.isascii():
        words = PLAIN_WORD.findall(text.lower())
    else:
        unfolded = unicodedata.normalize("NFKD", text.casefold()).casefold()[:MAX_INDEXED_LENGTH]
        words = WORD.findall(unicodedata.normalize("NFC", unfolded.translate(_FOLDED)))
    for word in words:
        parts = word.split("-")
        yield "".join(parts), parts if len(parts) > 1 else []


class _Folding(dict[int, str]):
    """A cache that maps each character to its folded form."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < 20_000:
            self[code] = folded
        return folded


def _fold(character: str) -> str:
    """Return the letter or digit that stands for this character; a space if it ends a word."""
    if character in _LETTERS:
        return _LETTERS[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in ("Mn", "Me"):
        return character if any(ord(character) in r for r in _MARKS_THAT_COUNT) else ""
    if category == "Cf":
        return ""
    if character == "-":
        return "-"
    return character if category[0] in "LNM" else " "


_FOLDED = _Folding()
