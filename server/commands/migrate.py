"""`roomcast migrate`."""

import asyncio
from pathlib import Path

import click

from ...settings import Settings
from ...store.store import START_TIMEOUT, Store
from ..options import load_and_show, one_sentence, settings_option


@click.command("migrate", short_help="Bring the database to the schema of this version.")
@settings_option
@one_sentence()
def migrate_command(path: Path | None) -> None:
    """Bring the database to the schema of this version; `serve` does so too.

    \b
    Example:
      roomcast migrate --settings /etc/roomcast/settings.toml
    """
    asyncio.run(apply_schema(load_and_show(path)))
    click.echo("The database has the schema of this version.")


async def apply_schema(settings: Settings) -> None:
    url, synchronous = settings.database.url, settings.database.synchronous
    store = Store(url, synchronous, alone=False, start_timeout=START_TIMEOUT)
    await store.open()
    await store.aclose()
