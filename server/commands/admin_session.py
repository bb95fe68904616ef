"""The server that a command of `roomcast admin` calls, and how its answers are printed."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from ...client import Chat, ChatError, Record, ResultPage, ServerUnreachable
from ...settings import Settings, load
from ..options import Failure


class AdminRefusal(click.ClickException):
    """The server refused the request: one sentence on stderr, exit code 1."""

    exit_code = 1


class AdminSession:
    """The server that a command calls, and the format of its output."""

    def __init__(self, chat: Chat, *, as_json: bool) -> None:
        self.chat = chat
        self._as_json = as_json

    def show(self, record: Record | None, line: str) -> None:
        """Print one record as JSON, or as a line for people."""
        click.echo(
            _to_json(record if record is not None else {"ok": True}) if self._as_json else line
        )

    def show_all(self, page: ResultPage[Any], lines: Iterable[str], nothing: str) -> None:
        """Print a page as JSON with its cursor, or a line for each of its records."""
        if self._as_json:
            click.echo(_to_json({"results": list(page), "cursor": page.cursor}))
            return
        for line in lines:
            click.echo(line)
        if not page:
            click.echo(nothing, err=True)
        if page.cursor:
            click.echo(f"There are more: --cursor {page.cursor}", err=True)


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


@contextmanager
def open_session(
    path: Path | None, url: str | None, key: str | None, *, as_json: bool
) -> Iterator[AdminSession]:
    """Yield a session with the server that is named, or that the settings name."""
    if url is None or key is None:
        settings = load(path)
        url = url or _url_of(settings)
        key = key or _key_of(settings)
    try:
        with Chat(url, key) as chat:
            yield AdminSession(chat, as_json=as_json)
    except ChatError as error:
        _refuse(error, url)
    except ServerUnreachable as error:
        raise Failure(f"No server answers at {url} ({error}). Name it with --url.") from None


def _url_of(settings: Settings) -> str:
    server = settings.server
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(server.host, server.host)
    return server.public_url or f"http://{host}:{server.port}"


def _key_of(settings: Settings) -> str:
    if not settings.server_api.keys:
        raise Failure("There is no key: set server_api.keys, or give --key.")
    return settings.server_api.keys[0]


def _refuse(error: ChatError, url: str) -> NoReturn:
    if error.status == 401:
        raise Failure(f"{url} does not accept the key: see its server_api.keys.") from None
    raise AdminRefusal(f"{error.detail} ({error.code})") from None
