"""The folder of a backup: its preparation, its manifest, and the checksums of its files."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...settings import Settings
from ...store.maintenance import backup as copies
from ...store.schema import VERSION
from ...store.sqlite.address import is_sqlite
from ..options import Failure

FORMAT = 1  # the version of the folder's format
MANIFEST, DATABASES = "backup.json", {"sqlite": "database.sqlite3", "postgresql": "database.dump"}
OBJECTS, SECRET = "attachments", "roomcast.secret"
CHECKSUMS = "SHA256SUMS"  # in the format of sha256sum


# ---------------------------------------------------------------- preparation


@contextmanager
def prepared(folder: Path) -> Iterator[None]:
    """Prepare the folder; after a failure, remove what was written, for a second try."""
    is_new = not folder.exists()
    prepare(folder)
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if is_new:
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


# ---------------------------------------------------------------- manifest


def engine_of(settings: Settings) -> str:
    return "sqlite" if is_sqlite(settings.database.url) else "postgresql"


def read_manifest(folder: Path, settings: Settings) -> dict[str, Any]:
    """Return the manifest. Raises Failure for an incomplete backup, or one of another engine."""
    manifest = _parse_manifest(folder)
    engine = manifest["engine"]
    if manifest["format"] > FORMAT or manifest["schema"] > VERSION:
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


def _parse_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Failure(f"{folder} holds no complete backup: {MANIFEST} is missing.") from None
    except OSError as error:
        raise Failure(f"{path} can't be read: {error.strerror}.") from None
    except ValueError:
        manifest = None
    wanted = {"engine": str, "format": int, "schema": int}
    if not isinstance(manifest, dict) or not all(
        isinstance(manifest.get(name), kind) for name, kind in wanted.items()
    ):
        raise Failure(f"{path} is damaged: use another backup.")
    return manifest


# ---------------------------------------------------------------- checksums


class Checksums:
    """The SHA-256 of each file of a backup, by its name in the folder; `bad` are those that differ.

    A backup of an earlier version has none: then each file counts as good.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums: dict[str, str] = {}
        self.bad: list[str] = []

    @classmethod
    def read(cls, folder: Path) -> "Checksums":
        found = cls(folder)
        path = folder / CHECKSUMS
        if path.exists():
            for line in path.read_text(errors="replace").splitlines():
                digest, _, name = line.partition("  ")
                found._sums[name] = digest
        return found

    def add(self, name: str, content: bytes | None = None) -> None:
        """Add a file, which is read unless its content is given."""
        self._sums[name] = self._sum_of(name, content)

    def write(self) -> None:
        lines = (f"{digest}  {name}\n" for name, digest in sorted(self._sums.items()))
        (self._folder / CHECKSUMS).write_text("".join(lines))

    def check(self, name: str, content: bytes | None = None) -> bool:
        """Return whether a file, which is read unless its content is given, has its checksum."""
        if not self._sums or self._sum_of(name, content) == self._sums.get(name):
            return True
        self.bad.append(name)
        return False

    def objects(self) -> list[str]:
        """Return the keys of the objects that the backup names, or else has."""
        files = (self._folder / OBJECTS).rglob("*")
        there = (str(path.relative_to(self._folder)) for path in files if path.is_file())
        named = [name for name in self._sums or there if name.startswith(f"{OBJECTS}/")]
        return sorted(map(_key_of, named))

    @staticmethod
    def name_of(key: str) -> str:
        """Return the name of an object's file."""
        prefix, _, name = key.rpartition("/")
        return "/".join(filter(None, (OBJECTS, prefix, name[:2], name)))

    def _sum_of(self, name: str, content: bytes | None) -> str:
        if content is not None:
            return hashlib.sha256(content).hexdigest()
        with (self._folder / name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _key_of(name: str) -> str:
    """Return the key of an object, whose file is in a folder of the key's first two letters."""
    _, *prefix, _, last = name.split("/")
    return "/".join([*prefix, last])
