"""`roomcast prune` and `roomcast fsck`: the whole database."""

import asyncio
import time
from pathlib import Path

import click

from ..options import Duration, Failure, load_and_show, one_sentence, progress_of, settings_option
from . import upkeep

DAY_SECONDS = 86_400.0  # seconds


@click.command("prune", short_help="Delete old messages for good.")
@settings_option
@click.option(
    "--older-than", type=Duration(), required=True, help='How old a message may be: "365d".'
)
@one_sentence()
def prune_command(path: Path | None, older_than: float) -> None:
    """Delete older messages from the database, with their files and reactions.

    Clients whose cursor is older than the deleted messages start with a new snapshot. Servers may
    run meanwhile. If the command is interrupted, run it again: it continues.

    \b
    Example:
      roomcast prune --older-than 365d
    """
    if older_than < DAY_SECONDS:
        raise Failure('--older-than: at least "1d"; a number alone is seconds.')
    before = int((time.time() - older_than) * 1_000_000)
    with progress_of("Rooms") as (expect, advance):
        count = asyncio.run(upkeep.prune(load_and_show(path), before, expect, advance))
    click.echo(f"Deleted {count:,} messages. A server removes their files at its next sweep.")


@click.command("fsck", short_help="Recount unread counters, and correct them.")
@settings_option
@click.option(
    "--dry-run", is_flag=True, help="Only report wrong counters; exit code 1 if there are any."
)
@one_sentence()
def fsck_command(path: Path | None, dry_run: bool) -> None:
    """Recount the messages of each room, and those that each member has sent and seen.

    Unread counters are computed from these. The place of each room in its members' lists is
    compared with the room, and how many rooms each user has. Servers may run meanwhile.

    \b
    Example:
      roomcast fsck --dry-run
    """
    settings = load_and_show(path)
    with progress_of("Rooms") as (expect, advance):
        wrong = asyncio.run(upkeep.recount(settings, expect, advance, mends=not dry_run))
    users = asyncio.run(upkeep.recount_lists(settings, mends=not dry_run))
    for room in wrong:
        members = f"; {room.members} members with wrong counters" if room.members else ""
        places = f"; in {room.misplaced} lists at a wrong place" if room.misplaced else ""
        counted = f"{room.counted} messages"
        if room.total != room.counted:
            counted += f", not {room.total}"
        click.echo(f"room {room.room_id}: {counted}{members}{places}")
    for user in users:
        counted = f"{user.counted_listed} rooms in the list and {user.counted_archived} archived"
        click.echo(f"user {user.user_id}: {counted}, not {user.listed} and {user.archived}")
    verb = "are wrong" if dry_run else "were wrong, and are corrected"
    counters = [f"{len(wrong):,} rooms"] * bool(wrong) + [f"{len(users):,} users"] * bool(users)
    click.echo(
        f"Counters of {' and '.join(counters)} {verb}." if counters else "All counters are right."
    )
    raise SystemExit(1 if counters and dry_run else 0)
