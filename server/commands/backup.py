"""`roomcast backup` and `roomcast restore`."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from ...settings import Settings
from ...store.maintenance import backup as copies
from ...store.maintenance.backup import BackupFailed
from ...store.objects.bucket import Bucket, ObjectMissing, bucket_of
from ...store.objects.folder import Folder
from ...store.sqlite.address import parse_sqlite_url
from ..options import Failure, load_and_show, one_sentence, progress_of, settings_option
from ..secret import SECRET_FILE
from .backup_folder import (
    CHECKSUMS,
    DATABASES,
    FORMAT,
    MANIFEST,
    OBJECTS,
    SECRET,
    Checksums,
    engine_of,
    prepared,
    read_manifest,
)
from .concurrency import for_each

MAX_NAMED = 5  # damaged files that are named

folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.command("backup", short_help="Copy database, files and secret, while the server serves.")
@settings_option
@folder_argument
@one_sentence()
def backup_command(path: Path | None, folder: Path) -> None:
    """Copy the database, the files of messages and the secret into FOLDER.

    The server goes on serving: the database is copied as of one moment, by SQLite's online backup
    or by pg_dump. FOLDER is created, or must be empty; only its owner can read it. It holds the
    checksums of its files: `sha256sum --check SHA256SUMS` in it tests the copy.

    \b
    Examples:
      roomcast backup /backup/$(date +%F)
      roomcast backup --settings /etc/roomcast/settings.toml /backup/monday
    """
    settings = load_and_show(path)
    with prepared(folder), refusals():
        count, missing = asyncio.run(write_backup(settings, folder))
    click.echo(f"Saved the database and {count:,} files in {folder}.")
    if missing:
        click.echo(f"{missing:,} files were deleted meanwhile, with their messages.")
    if settings.auth.wants_secret and not (folder / SECRET).exists():
        click.echo(
            "The secret is not in it: auth.secret is not set for this command, and there is no "
            f"{SECRET_FILE} here. Keep the server's secret elsewhere.",
            err=True,
        )


@click.command("restore", short_help="Restore a backup into an empty database.")
@settings_option
@folder_argument
@one_sentence()
def restore_command(path: Path | None, folder: Path) -> None:
    """Restore the backup in FOLDER into the database and the bucket of the settings.

    The server must not run, and the database must not hold a chat. Clients start with a new
    snapshot: a restored database has a new epoch, and cursors from the lost timeline don't count.
    Files come first and the database last, so a restoration that was interrupted can be repeated.
    The exit code is 1 if files of the backup are missing or damaged: everything else is restored.

    \b
    Example:
      roomcast restore /backup/2026-11-28
    """
    settings = load_and_show(path)
    with refusals():
        manifest = read_manifest(folder, settings)
        count, bad = asyncio.run(read_backup(settings, folder))
        wrote_secret = restore_secret(settings, folder)
    made_at = manifest.get("created_at", folder)
    click.echo(f"Restored the backup of {made_at}: the database, {count:,} files.")
    if wrote_secret:
        click.echo(f"Restored the secret to {SECRET_FILE}.")
    bad_count = max(len(bad), manifest.get("files", 0) - count)
    if bad_count:
        named = ": " + ", ".join(bad[:MAX_NAMED]) if bad else ""
        more = " …" if len(bad) > MAX_NAMED else ""
        click.echo(f"{bad_count:,} files are missing or damaged in it{named}{more}", err=True)
        raise SystemExit(1)


class refusals:  # noqa: N801 # reads as a statement
    """Turn errors of a backup or a restoration into one sentence."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, BackupFailed):
            raise Failure(str(error)) from None
        if isinstance(error, OSError):
            raise Failure(f"{error.filename or 'A file'}: {error.strerror}.") from None


# ---------------------------------------------------------------- backup


async def write_backup(settings: Settings, folder: Path) -> tuple[int, int]:
    """Write the backup; return the numbers of files saved and of files deleted meanwhile."""
    engine, url = engine_of(settings), settings.database.url
    database, checksums = folder / DATABASES[engine], Checksums(folder)
    if engine == "sqlite":
        source = parse_sqlite_url(url)
        if not source.is_file():
            raise BackupFailed(
                f"There is no database {source} here: go to the server's folder, or set "
                "database.url."
            )
        await asyncio.to_thread(copies.copy_sqlite, source, database)
        schema, keys = await asyncio.to_thread(copies.contents_of_sqlite, database)
    else:
        await copies.dump_postgres(url, database)
        schema, keys = await copies.contents_of_postgres(url)
    await asyncio.to_thread(checksums.add, database.name)
    saved, missing = await _save_objects(settings, Folder(folder / OBJECTS), keys, checksums)
    if _save_secret(settings, folder):
        checksums.add(SECRET)
    checksums.write()
    manifest = {
        "format": FORMAT,
        "engine": engine,
        "schema": schema,
        "database_schema": copies.schema_of(url),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": saved,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")  # last: it marks the end
    return saved, missing


async def _save_objects(
    settings: Settings, target: Folder, keys: list[str], checksums: Checksums
) -> tuple[int, int]:
    source = _bucket_of(settings)
    saved = missing = 0

    async def save(key: str) -> None:
        nonlocal saved, missing
        try:
            content = await source.read(key)
        except ObjectMissing:
            missing += 1
            return
        await target.put(key, content)
        checksums.add(checksums.name_of(key), content)
        saved += 1

    await _copy_each(keys, save, source, target)
    return saved, missing


def _save_secret(settings: Settings, folder: Path) -> bool:
    """Save the secret that is in use, wherever it is set; return whether there is one."""
    secret = settings.auth.secret or (SECRET_FILE.read_text() if SECRET_FILE.exists() else "")
    if secret:
        (folder / SECRET).write_text(secret.strip() + "\n")
    return bool(secret)


# ---------------------------------------------------------------- restore


async def read_backup(settings: Settings, folder: Path) -> tuple[int, list[str]]:
    """Restore the files, then the database; return their number, and the names of bad files.

    Raises BackupFailed before it writes anything if the database or the secret of the backup is
    damaged, or if there is a chat in the database of the settings.
    """
    engine, url = engine_of(settings), settings.database.url
    database, checksums = folder / DATABASES[engine], Checksums.read(folder)
    if not await asyncio.to_thread(checksums.check, database.name):
        raise BackupFailed(f"{database} is damaged: its checksum is not that of {CHECKSUMS}.")
    if (folder / SECRET).exists() and not checksums.check(SECRET):
        raise BackupFailed(
            f"{folder / SECRET} is damaged: its checksum is not that of {CHECKSUMS}. Take it out "
            "of the backup to restore the rest: tokens of the lost secret are not accepted then."
        )
    if engine == "sqlite":
        await asyncio.to_thread(copies.check_sqlite, database, parse_sqlite_url(url))
        count = await _restore_objects(settings, Folder(folder / OBJECTS), checksums)
        await asyncio.to_thread(copies.restore_sqlite, database, parse_sqlite_url(url))
    else:
        await copies.check_postgres(url, database)
        count = await _restore_objects(settings, Folder(folder / OBJECTS), checksums)
        await copies.restore_postgres(url, database)
    return count, checksums.bad


async def _restore_objects(settings: Settings, source: Folder, checksums: Checksums) -> int:
    target = _bucket_of(settings)
    restored = 0

    async def restore(key: str) -> None:
        nonlocal restored
        try:
            content = await source.read(key)
        except ObjectMissing:
            checksums.bad.append(checksums.name_of(key))
            return
        if checksums.check(checksums.name_of(key), content):
            await target.put(key, content)
            restored += 1

    await _copy_each(await asyncio.to_thread(checksums.objects), restore, source, target)
    return restored


def restore_secret(settings: Settings, folder: Path) -> bool:
    """Restore the secret file if no secret is set and no file exists; return whether it did."""
    saved = folder / SECRET
    if settings.auth.secret or SECRET_FILE.exists() or not saved.exists():
        return False
    file = os.open(SECRET_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as target, saved.open() as source:
        shutil.copyfileobj(source, target)
    return True


# ---------------------------------------------------------------- objects


def _bucket_of(settings: Settings) -> Bucket:
    try:
        return bucket_of(settings.attachments.url)
    except ValueError as error:
        raise BackupFailed(str(error)) from None


async def _copy_each(
    keys: list[str], work: Callable[[str], Awaitable[None]], *buckets: Bucket
) -> None:
    """Do the work for each object, with the buckets open and the progress shown."""
    async with opened(*buckets):
        with progress_of("Files") as (expect, done):
            expect(len(keys))

            async def carry(key: str) -> None:
                await work(key)
                done(1)

            await for_each(keys, carry)


@asynccontextmanager
async def opened(*buckets: Bucket) -> AsyncIterator[None]:
    try:
        for bucket in buckets:
            await bucket.open()
        yield
    finally:
        for bucket in buckets:
            await bucket.aclose()
