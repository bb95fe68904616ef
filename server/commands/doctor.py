"""`roomcast doctor`."""

import asyncio
from pathlib import Path

import click

from ...settings import Settings, load
from ..options import one_sentence, settings_option
from ..secret import SECRET_FILE


@click.command("doctor", short_help="Check every engine, and report what is wrong.")
@settings_option
@one_sentence()
def doctor_command(path: Path | None) -> None:
    """Check every engine that the settings name; exit code 1 if anything is wrong.

    It changes nothing, and may run beside a server.

    \b
    Example:
      roomcast doctor --settings /etc/roomcast/settings.toml
    """
    is_well = asyncio.run(print_findings(load(path)))
    raise SystemExit(0 if is_well else 1)


async def print_findings(settings: Settings) -> bool:
    from . import examination  # it imports all engines, which other commands don't need

    is_well = True
    async for part, finding in examination.examine(settings, SECRET_FILE):
        click.echo(f"{'ok' if finding.ok else 'WRONG':6} {part:12} {finding.sentence}")
        is_well &= finding.ok
    return is_well
