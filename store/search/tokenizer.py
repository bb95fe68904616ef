"""The words of a text, for search: the same on both engines, in every script."""

import re
import unicodedata
from functools import lru_cache

LONGEST = 64  # code points of a word that count
MOST = 10_000  # code points of a text that count: one may unfold into eighteen

# Written without spaces, or with endings that grow onto words: found by any part of them.
DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
ACCENTS = dict.fromkeys(range(0x300, 0x370))
APOSTROPHES = dict.fromkeys(map(ord, "'’ʼ"))
PLAIN = re.compile(r"[a-z0-9]+")


def of(text: str) -> list[str]:
    """Each word once, without case and accents; of dense scripts every character and every pair."""
    found: dict[str, None] = {}
    for word in _split(text):
        parts = [part for run in DENSE.findall(word) for part in _parts(run)]
        found.update(dict.fromkeys(part[:LONGEST] for part in (DENSE.sub(" ", word).split())))
        found.update(dict.fromkeys(parts))
    return list(found)


def wanted(text: str) -> list[str]:
    """What a message must have all of to be found by this text."""
    found: dict[str, None] = {}
    for word in _split(text):
        found.update(dict.fromkeys(part[:LONGEST] for part in DENSE.sub(" ", word).split()))
        for run in DENSE.findall(word):
            pairs = [run[i : i + 2] for i in range(len(run) - 1)]
            found.update(dict.fromkeys(pairs or [run]))
    return list(found)


def _parts(run: str) -> list[str]:
    return [*run, *(run[i : i + 2] for i in range(len(run) - 1))]


def _split(text: str) -> list[str]:
    text = text.translate(APOSTROPHES)
    if text.isascii():
        return PLAIN.findall(text.lower())
    folded = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(ACCENTS)
    letters = unicodedata.normalize("NFC", folded[:MOST])
    return "".join(c if _is_letter(c) else " " for c in letters).split()


@lru_cache(8192)
def _is_letter(character: str) -> bool:
    """Letters, digits, and the marks without which a letter is another one."""
    return unicodedata.category(character)[0] in "LNM"
