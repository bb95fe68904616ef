"""Helpers that commands share: settings, errors in one sentence, durations, progress."""

import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..protocol.errors import InvalidFrame
from ..protocol.ids import user_of
from ..settings import BadSetting, Settings, load, seconds
from ..store.sqlite.address import is_sqlite, parse_sqlite_url
from ..store.transfer.tables import CannotMove
from .startup import CANNOT_START

FAULTS = *CANNOT_START, BadSetting, CannotMove
EXTRAS = {"asyncpg": "postgres", "redis": "redis", "minio": "s3"}  # by the package they bring


class Failure(click.ClickException):
    """An error that ends the command: one sentence on stderr, exit code 2."""

    exit_code = 2


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn errors that the user can correct into one sentence and exit code 2."""
    try:
        yield
    except FAULTS as error:
        raise Failure(str(error)) from None
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        hint = f"pip install 'roomcast[{EXTRAS[error.name]}]'"
        raise Failure(f"This needs {error.name}: {hint}.") from None


if TYPE_CHECKING:
    FloatType = click.ParamType[float]
else:
    FloatType = click.ParamType  # no generic before click 8.4


class Duration(FloatType):
    """A number of seconds, given as `90`, `90s`, `3m` and so on, within bounds."""

    name = "duration"

    def __init__(self, least: float = 0, most: float = math.inf) -> None:
        self._least = least
        self._most = most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            given = seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not self._least <= given <= self._most:
            self.fail(f"from {self._least:g} to {self._most:g} seconds", param, ctx)
        return given


settings_option = click.option(
    "--settings",
    "path",
    envvar="ROOMCAST_SETTINGS",
    type=click.Path(path_type=Path),
    help="A settings file; otherwise $ROOMCAST_SETTINGS, or settings.toml in the current folder.",
)
user_option = click.option("--user", required=True, help="The user's id, as the site knows it.")


def parse_user(user: str) -> str:
    """Return the id as in the database. Raises Failure for an invalid one."""
    try:
        return user_of(user)
    except InvalidFrame as error:
        raise Failure(f"--user: {error}") from None


def public_form(url: str) -> str:
    """Return a URL without user, password and options; of an unusual one only the scheme."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme in ("sqlite", "file", "memory"):
        return url
    place = r"((?:[^/?#@:]*|\[[^/?#@]*\])(?::\d+)?(?:/[^?#@]*)?)"
    found = re.fullmatch(rf"(?:[^/?#@]*@)?{place}(?:\?[^@]*)?", rest)
    return f"{scheme}://{found[1] if found else '…'}"


def load_and_show(path: Path | None) -> Settings:
    """Return the settings, and print the database of the command on stderr."""
    settings = load(path)
    url = settings.database.url
    is_file = is_sqlite(url)
    shown = f"sqlite:///{parse_sqlite_url(url).absolute()}" if is_file else public_form(url)
    click.echo(f"Database: {shown}", err=True)
    return settings


@contextmanager
def progress_of(what: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Return two functions: the first shows a bar for a total, the second advances it."""
    with ExitStack() as stack:
        bars: list[Any] = []

        def expect(count: int) -> None:
            if sys.stderr.isatty():
                bar = click.progressbar(length=max(count, 1), label=what, file=sys.stderr)
                bars.append(stack.enter_context(bar))

        def done(count: int) -> None:
            for bar in bars:
                bar.update(count)

        yield expect, done
