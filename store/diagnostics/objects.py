"""Checks the folder or bucket of attachments for the operator; it leaves nothing behind."""

import asyncio
import os
import shutil
from pathlib import Path
from tempfile import TemporaryFile

from ..objects.bucket import bucket_of
from ..objects.folder import Folder
from .finding import Finding

LOW_DISK_SPACE = 1 << 30

_PROBE = b"written by roomcast to see whether it can be\n"


async def examine(url: str) -> list[Finding]:
    """Return the findings about a folder or a bucket. Raises ValueError for another URL."""
    place = bucket_of(url)
    try:
        if isinstance(place, Folder):
            return await asyncio.to_thread(_of_folder, place.root)
        from ..objects.s3 import S3  # bucket_of has found its library
        from .bucket import examine_bucket

        assert isinstance(place, S3)
        return await examine_bucket(place)
    finally:
        await place.aclose()


# ---------------------------------------------------------------- a folder


def _of_folder(root: Path) -> list[Finding]:
    there = next(path for path in (root, *root.parents) if path.exists())
    try:
        _write_into(there)
    except OSError as error:
        advice = "let the user who runs roomcast write there"
        return [Finding("writable", False, f"{there}: {error.strerror}; {advice}.")]
    how = "can be written" if there == root else "will be made at the start"
    free = shutil.disk_usage(there).free
    return [
        Finding("writable", True, f"The folder {root} {how}."),
        Finding("space", free >= LOW_DISK_SPACE, f"{free / (1 << 30):.1f} GiB are free for files."),
    ]


def _write_into(folder: Path) -> None:
    with TemporaryFile(dir=folder) as file:
        file.write(_PROBE)
        file.flush()
        os.fsync(file.fileno())
