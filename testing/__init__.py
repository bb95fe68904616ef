"""The whole chat inside a test: no port, no server, and no files left afterwards.

Importing this package loads nothing of the chat until a name is asked for: pytest imports it for
its plugin in every test run of the site.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import ChatClient, chat_client

__all__ = ["ChatClient", "chat_client"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import client

    return getattr(client, name)
