"""The cursor of a page of search results tells no id and can't be made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.chat.search_cursor import read_cursor, write_cursor
from roomcast.protocol.errors import InvalidFrame

KEY = b"a key of the database"


@given(st.integers(0, 2**53), st.text())
def test_a_cursor_leads_on_where_the_page_ended(before: int, user: str) -> None:
    user = user.encode("utf-8", "replace").decode()
    cursor = write_cursor(KEY, user, before)
    assert read_cursor(KEY, user, cursor) == before
    assert str(before) not in cursor or before < 100


@given(st.text(max_size=30))
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidFrame, match="cursor"):
        read_cursor(KEY, "ada", cursor)


def test_a_cursor_is_good_for_one_user_of_one_database() -> None:
    cursor = write_cursor(KEY, "ada", 63)
    for key, user in ((KEY, "bob"), (b"another key", "ada")):
        with pytest.raises(InvalidFrame):
            read_cursor(key, user, cursor)
