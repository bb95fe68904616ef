"""What counts as a word: the same for who writes and who looks for it, in every script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.store.search import tokenizer


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Hello, World!", "hello WORLD"),
        ("The café’s menu", "cafes menu"),
        ("don't", "don’t"),
        ("straße", "STRASSE"),
        ("Привіт, Їжак!", "їжак"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("हिन्दी में लिखो", "हिन्दी"),
        ("مرحبا بالعالم", "بالعالم"),
        ("今天天氣很好", "天氣"),
        ("今天天氣很好", "好"),
        ("カタカナで書く", "カナ"),
        ("한국어를 배우다", "한국어"),
        ("ภาษาไทยง่าย", "ไทย"),
        ("holiday_2025.png", "holiday"),
        ("see https://example.com/garden?x=1", "example garden"),
        ("x" * 200, "X" * 200),
    ],
)
def test_a_text_is_found_by_its_words(text: str, question: str) -> None:
    assert tokenizer.wanted(question)
    assert set(tokenizer.wanted(question)) <= set(tokenizer.of(text))


@pytest.mark.parametrize(
    ("text", "question"),
    [("garden", "gard"), ("今天天氣很好", "氣天"), ("hello", "world"), ("हिन्दी", "हिन्द")],
)
def test_it_is_not_found_by_others(text: str, question: str) -> None:
    assert tokenizer.wanted(question)
    assert not set(tokenizer.wanted(question)) <= set(tokenizer.of(text))


@pytest.mark.parametrize("text", ["", " ", "👍", "?!", "’", "\u0301"])
def test_some_texts_have_no_words(text: str) -> None:
    assert tokenizer.wanted(text) == tokenizer.of(text) == []


@given(st.text(), st.text())
def test_every_text_is_found_by_itself_and_has_no_quotes(text: str, more: str) -> None:
    found = tokenizer.of(f"{text} {more}")
    assert set(tokenizer.wanted(text)) <= set(found)
    assert not set("'\"\\ /") & set("".join(found))
    assert all(0 < len(word) <= tokenizer.LONGEST for word in found)
