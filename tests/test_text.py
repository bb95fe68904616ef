"""What a text shows, and what counts as one emoji."""

import pytest
from roomcast.protocol.text import has_direction_controls, is_emoji, shows_something
from roomcast.store.reactions import emoji_key

NOTHING = [
    "",
    " \t\n",
    "\u00a0\u2003\u3000",
    "\u200b\u200c\u200d\u2060\ufeff",
    "\u202e\u2066",
    "\u00ad",
    "\u3164\uffa0\u115f\u1160",
    "\u2800",
    "\ufe0f",
    "\U000e0041",
    "\u0301",
    "\x1c\x85",
    "\u2065\ufff0",
    "\u2028\u2029",
]
SOMETHING = [
    "a",
    ".",
    "Привіт",
    "今",
    "שלום",
    "\u202eabc",
    "👍",
    "\u200b.",
    "©",
    "١",
    "e\u0301",
    "\ue000",
    "\x01",
    "\U0001fae9",
]


@pytest.mark.parametrize("text", NOTHING)
def test_a_text_of_nothing_that_shows_is_empty(text: str) -> None:
    assert not shows_something(text)


@pytest.mark.parametrize("text", SOMETHING)
def test_a_text_that_shows_something_is_not(text: str) -> None:
    assert shows_something(text)


def test_what_turns_the_direction_of_its_surroundings_is_found() -> None:
    assert has_direction_controls("a\u202eb")
    assert has_direction_controls("\u2067b")
    assert not has_direction_controls("שלום\u200f!")


EMOJI = [
    "👍",
    "👍🏽",
    "❤",
    "❤️",
    "❤︎",
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🇺🇦",
    "1️⃣",
    "#⃣",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "☺️",
    "✌🏿",
    "👁️‍🗨️",
    "🫠",
    "⭐",
    "‼️",
    "©️",
    "🧑🏻‍🤝‍🧑🏿",
    "❤️‍🔥",
]
NO_EMOJI = [
    "",
    "a",
    "ok",
    "1",
    "👍a",
    "👍👍",
    "👍 ",
    "\u200d",
    "\ufe0f",
    "🇺",
    "🏽a",
    "лайк",
    ":)",
    "\u2764\u0301\u0301",
    "!",
]


@pytest.mark.parametrize("emoji", EMOJI)
def test_one_emoji_is_one(emoji: str) -> None:
    assert is_emoji(emoji)


@pytest.mark.parametrize("text", NO_EMOJI)
def test_anything_else_is_none(text: str) -> None:
    assert not is_emoji(text)


def test_emoji_are_compared_without_variation_selectors() -> None:
    assert len({emoji_key("❤"), emoji_key("❤️"), emoji_key("❤︎")}) == 1
    assert emoji_key("👍") != emoji_key("👍🏽")
    assert emoji_key("e\u0301") == emoji_key("é")
