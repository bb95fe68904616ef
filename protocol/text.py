"""Properties of a text: whether it is visible, and what counts as one emoji."""

import re
import unicodedata
from functools import lru_cache

# Direction overrides, embeddings and isolates: they also change text around them.
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_INK = re.compile("[!-~]")
_IGNORABLE = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")  # kept free for controls
# Letters and symbols by category that are invisible nevertheless.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")


def shows_something(text: str) -> bool:
    """Return whether a text has a visible character.

    Spaces, format characters, variation selectors and marks without a letter are invisible.
    """
    return bool(_INK.search(text)) or any(map(_is_visible, text))


def has_direction_controls(text: str) -> bool:
    """Return whether a text can turn the direction of text around it."""
    return bool(_DIRECTION.search(text))


def without_direction_controls(text: str) -> str:
    """Return the text without characters that turn the direction of text around it."""
    return _DIRECTION.sub("", text)


@lru_cache(4096)
def _is_visible(character: str) -> bool:
    """Return whether a character is visible; fonts draw boxes for control and unknown ones."""
    if character in _BLANK or character.isspace() or _IGNORABLE.match(character):
        return False
    return unicodedata.category(character) not in ("Cf", "Mn", "Mc", "Me", "Zs", "Zl", "Zp")


# ---------------------------------------------------------------- emoji (UTS #51)

_PICTOGRAPH = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf"
    "\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2604\u260e\u2611"
    "\u2614\u2615\u2618\u261d\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640\u2642"
    "\u2648-\u2653\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u267f\u2692-\u2697\u2699\u269b"
    "\u269c\u26a0\u26a1\u26a7\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26c8\u26ce\u26cf\u26d1"
    "\u26d3\u26d4\u26e9\u26ea\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702\u2705\u2708-\u270d\u270f\u2712"
    "\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763\u2764"
    "\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d"
    "\u3297\u3299\U0001f004\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f201\U0001f202\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250"
    "\U0001f251\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7eb\U0001f7f0"
    "\U0001f90c-\U0001f9ff\U0001fa70-\U0001faff"
)
_TONE, _JOINER, _SELECTOR = "[\U0001f3fb-\U0001f3ff]?", "\u200d", "[\ufe0e\ufe0f]?"
_ELEMENT = f"[{_PICTOGRAPH}]{_TONE}{_SELECTOR}{_TONE}"
_TAGS = "(?:[\U000e0020-\U000e007e]+\U000e007f)?"  # behind a flag: those of England and others
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP = f"[0-9#*]{_SELECTOR}\u20e3"
_EMOJI = re.compile(f"(?:{_KEYCAP}|{_FLAG}|{_ELEMENT}{_TAGS}(?:{_JOINER}{_ELEMENT})*)")


def is_emoji(text: str) -> bool:
    """Return whether a text is one emoji and nothing else."""
    return bool(_EMOJI.fullmatch(text))
