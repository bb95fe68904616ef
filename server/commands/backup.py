"""`roomcast backup` and `roomcast restore`."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ...settings import Settings
from ...store.maintenance import backup as copies
from ...store.maintenance.backup import BackupFailed
from ...store.objects.bucket import Bucket, ObjectMissing, bucket_of
from ...store.objects.folder import Folder
from ...store.schema import VERSION
from ...store.sqlite.address import is_sqlite, parse_sqlite_url
from ..options import Failure, load_and_show, one_sentence, progress_of, settings_option
from ..secret import SECRET_FILE

FORMAT = 1  # the version of the folder's format
MANIFEST, DATABASES = "backup.json", {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
OBJECTS, SECRET = "attachments", "roomcast.secret"
WORKERS = 8  # objects that are copied at once

folder_argument = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))


@click.command("backup", short_help="Copy database, files and secret, while the server serves.")
@settings_option
@folder_argument
@one_sentence()
def backup_command(path: Path | None, folder: Path) -> None:
    """Copy the database, the files of messages and the secret into FOLDER.

    The server goes on serving: the database is copied as of one moment, by SQLite's online backup
    or by pg_dump. FOLDER is created, or must be empty; only its owner can read it.

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


@click.command("restore", short_help="Restore a backup into an empty database.")
@settings_option
@folder_argument
@one_sentence()
def restore_command(path: Path | None, folder: Path) -> None:
    """Restore the backup in FOLDER into the database and the bucket of the settings.

    The server must not run, and the database must not hold a chat. Clients start with a new
    snapshot: a restored database has a new epoch, and cursors from the lost timeline don't count.

    \b
    Example:
      roomcast restore /backup/2026-11-28
    """
    settings = load_and_show(path)
    with refusals():
        manifest = read_manifest(folder, settings)
        count = asyncio.run(read_backup(settings, folder))
    wrote_secret = restore_secret(settings, folder)
    click.echo(f"Restored the backup of {manifest['created_at']}: the database, {count:,} files.")
    if wrote_secret:
        click.echo(f"Restored the secret to {SECRET_FILE}.")


class refusals:  # noqa: N801 # reads as a statement
    """Turn errors of a backup or a restoration into one sentence."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, BackupFailed):
            raise Failure(str(error)) from None
        if isinstance(error, OSError):
            raise Failure(f"{error.filename or 'A file'}: {error.strerror}.") from None


# ---------------------------------------------------------------- the folder


@contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """Prepare the folder; remove it after a failure, if it is new and nothing is in it."""
    is_new = not folder.exists()
    prepare(folder)
    try:
        yield
    except BaseException:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise


def prepare(folder: Path) -> None:
    """Create the folder. Raises Failure if it is not empty or can't be created."""
    os.umask(0o077)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Failure(f"{folder} is not empty: name a new folder for each backup.")
        folder.chmod(0o700)
    except OSError as error:
        raise Failure(f"{folder} cannot be written to: {error.strerror}.") from None


def engine_of(settings: Settings) -> str:
    return "sqlite" if is_sqlite(settings.database.url) else "postgresql"


def sqlite_path(settings: Settings) -> Path:
    return parse_sqlite_url(settings.database.url)


def read_manifest(folder: Path, settings: Settings) -> dict[str, Any]:
    """Return the manifest. Raises Failure for an incomplete backup, or one of another engine."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        engine, version, schema = manifest["engine"], manifest["format"], manifest["schema"]
    except (OSError, ValueError, KeyError):
        raise Failure(f"{folder} holds no complete backup: {MANIFEST} is missing.") from None
    if version > FORMAT or schema > VERSION:
        raise Failure("The backup is of a later roomcast: install that one, or a later one.")
    if engine != engine_of(settings):
        raise Failure(
            f"The backup is of {engine}, and database.url names another engine: restore it into "
            f"{engine}, then use roomcast move."
        )
    there, here = manifest.get("database_schema"), copies.schema_of(settings.database.url)
    if there not in (None, here):
        raise Failure(
            f"The tables of the backup are in the schema {there or 'public'}, and those of "
            f"database.url in {here or 'public'}: let both have the same ?schema=."
        )
    return manifest


# ---------------------------------------------------------------- backup


async def write_backup(settings: Settings, folder: Path) -> tuple[int, int]:
    """Write the backup; return the numbers of files saved and of files deleted meanwhile."""
    engine = engine_of(settings)
    database = folder / DATABASES[engine]
    if engine == "sqlite":
        source = sqlite_path(settings)
        if not source.is_file():
            raise BackupFailed(
                f"There is no database {source} here: go to the server's folder, or set "
                "database.url."
            )
        await asyncio.to_thread(copies.copy_sqlite, source, database)
        keys = list(copies.sqlite_keys(database))
    else:
        await copies.dump_postgres(settings.database.url, database)
        keys = await copies.postgres_keys(settings.database.url)
    saved, missing = await _copy_objects(
        bucket_of(settings.attachments.url), Folder(folder / OBJECTS), keys
    )
    _save_secret(settings, folder)
    manifest = {
        "format": FORMAT,
        "engine": engine,
        "schema": VERSION,
        "database_schema": copies.schema_of(settings.database.url),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": saved,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")  # last: it marks the end
    return saved, missing


def _save_secret(settings: Settings, folder: Path) -> None:
    """Save the secret that is in use, wherever it is set."""
    secret = settings.auth.secret or (SECRET_FILE.read_text() if SECRET_FILE.exists() else "")
    if secret:
        (folder / SECRET).write_text(secret.strip() + "\n")


# ---------------------------------------------------------------- restore


async def read_backup(settings: Settings, folder: Path) -> int:
    """Restore the database, then the files; return the number of files."""
    engine = engine_of(settings)
    database = folder / DATABASES[engine]
    if engine == "sqlite":
        await asyncio.to_thread(copies.restore_sqlite, database, sqlite_path(settings))
        keys = list(copies.sqlite_keys(database))
    else:
        await copies.restore_postgres(settings.database.url, database)
        keys = await copies.postgres_keys(settings.database.url)
    source = Folder(folder / OBJECTS)
    restored, _ = await _copy_objects(source, bucket_of(settings.attachments.url), keys)
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


async def _copy_objects(source: Bucket, target: Bucket, keys: list[str]) -> tuple[int, int]:
    """Copy objects; return the numbers of objects copied and of objects missing in the source."""
    saved = missing = 0
    async with opened(source), opened(target):
        with progress_of("Files") as (expect, done):
            expect(len(keys))
            waiting = iter(keys)

            async def carry() -> None:
                nonlocal saved, missing
                for key in waiting:
                    try:
                        await target.put(key, await source.read(key))
                        saved += 1
                    except ObjectMissing:
                        missing += 1
                    done(1)

            await asyncio.gather(*(carry() for _ in range(WORKERS)))
    return saved, missing


@asynccontextmanager
async def opened(bucket: Bucket) -> AsyncIterator[None]:
    await bucket.open()
    try:
        yield
    finally:
        await bucket.aclose()
