"""`roomcast export` and `roomcast erase`: one user's data."""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

import click

from ...settings import Settings
from ..options import (
    Failure,
    load_and_show,
    one_sentence,
    parse_user,
    progress_of,
    settings_option,
    user_option,
)
from . import upkeep


@click.command("export", short_help="Write all data of a user, one JSON object a line.")
@settings_option
@user_option
@one_sentence()
def export_command(path: Path | None, user: str) -> None:
    """Write all data of a user to stdout, one JSON object a line; the last one is an `end`.

    Links to files start with server.public_url, and expire as others do.

    \b
    Example:
      roomcast export --user 2 > 2.ndjson
    """
    asyncio.run(write_export(load_and_show(path), parse_user(user)))


async def write_export(settings: Settings, user_id: str) -> None:
    async with aclosing(upkeep.exported(settings, user_id)) as lines:  # stdout may be closed
        async for line in lines:
            sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


@click.command("erase", short_help="Erase all data of a user.")
@settings_option
@user_option
@one_sentence()
def erase_command(path: Path | None, user: str) -> None:
    """Erase a user's messages, files, reactions, name and picture; open sockets receive the events.

    A server that runs on the same SQLite file does it, within seconds; the command waits for it.
    The user stays in their rooms and keeps their receipts. If the command is interrupted, run it
    again, or start a server: both continue.

    \b
    Example:
      roomcast erase --user 2
    """
    settings, user_id = load_and_show(path), parse_user(user)
    try:
        with progress_of("Messages") as (expect, advance):
            count = asyncio.run(upkeep.erase(settings, user_id, expect, advance))
    except LookupError:
        raise Failure(
            f"This database has nothing of a user {user_id!r}: nothing was erased. Is it the one"
            " that the server uses?"
        ) from None
    except TimeoutError:
        raise Failure(
            "The server that has this database open does not erase anything: is it one of an older"
            " version, or stuck? The request is recorded: the next start carries it out."
        ) from None
    if count is None:
        click.echo("A server is already erasing this user.")
    else:
        click.echo(f"Erased {count:,} messages, and all other data of the user.")
