"""The pytest plugin of roomcast.testing; nothing is loaded until a test uses it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from .client import ChatClient


@pytest.fixture
def chat_client() -> "Callable[..., AbstractAsyncContextManager[ChatClient]]":
    """`async with chat_client(2) as client:` is a whole chat in the test's own event loop."""
    from . import client

    return client.chat_client
