"""`roomcast move`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...settings import load
from ..options import one_sentence, settings_option

if TYPE_CHECKING:
    from .transfer import ObjectKeys, Objects, TransferResult


@click.command("move", short_help="Copy a chat into another database, and its files.")
@settings_option
@click.argument("source", required=False)
@click.argument("target", required=False)
@click.option("--attachments", nargs=2, metavar="FROM TO", help="Copy files, to a new URL.")
@click.option("--reopen", metavar="SOURCE", help="Use the source of a move again.")
@one_sentence()
def move_command(
    path: Path | None,
    source: str | None,
    target: str | None,
    attachments: tuple[str, str] | None,
    reopen: str | None,
) -> None:
    """Copy the chat in SOURCE into TARGET, another database; stop its server first.

    Ids, versions and links to files stay the same. SOURCE keeps its data and is marked as moved, so
    that no server and no command opens it; --reopen removes the mark. If the command is
    interrupted, run it again: it continues. With --attachments the files are copied too; without
    SOURCE and TARGET, only the files of the chat in database.url are copied.

    \b
    Examples:
      roomcast move sqlite:///roomcast.db postgresql://roomcast:secret@db.example.com/chat
      roomcast move --attachments file:./attachments s3://KEY:SECRET@s3.example.com/files
    """
    from . import transfer  # it imports both engines, which other commands don't need

    if reopen:
        asyncio.run(transfer.reopen(checked("database", reopen)))
        click.echo("It is open again, with a new epoch: clients load their rooms again.")
        return
    if (source is None) != (target is None) or not (source or attachments):
        raise click.UsageError("Name a SOURCE and a TARGET, or --attachments FROM TO, or both.")
    places = [checked("attachments", url) for url in attachments or ()]
    if source and target:
        databases = checked("database", source), checked("database", target)
        print_moved(asyncio.run(transfer.move(*databases)))
    if places:
        keys = asyncio.run(transfer.keys_of(target or load(path).database.url))
        print_objects(asyncio.run(transfer.move_objects(places[0], places[1], keys)), keys)


def checked(section: str, url: str) -> str:
    """Return the URL, checked as in the settings."""
    load({section: {"url": url}})
    return url


def print_moved(moved: "TransferResult") -> None:
    all_of_it = ", ".join(f"{count:,} {name}" for name, count in moved.counts.items() if count)
    if moved.was_there:
        click.echo(f"Everything was there already: {all_of_it}.")
        return
    speed = moved.copied / moved.seconds
    click.echo(f"Moved {all_of_it}, in {moved.seconds:.1f} s ({speed:,.0f} messages a second).")
    click.echo("Counts, ids, versions and lengths of texts are the same on both sides.")
    click.echo("The source is marked as moved: set database.url to the target.")


def print_objects(objects: "Objects", keys: "ObjectKeys") -> None:
    click.echo(f"Moved {objects.moved:,} files; {objects.present:,} files were there already.")
    if objects.missing:
        raise click.ClickException(
            f"{objects.missing:,} of {len(keys.held):,} files of messages are "
            "missing in the first of the two places."
        )
