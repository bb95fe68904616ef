"""A folder of objects: whole or not at all, never outside, and never in the way of the loop."""

import asyncio
import fcntl
import itertools
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from roomcast.store.objects.bucket import (
    UPLOADS,
    BucketUnavailable,
    ObjectMissing,
    ObjectTooLarge,
    bucket_of,
    new_key,
)
from roomcast.store.objects.folder import Folder
from roomcast.store.objects.folder_files import FolderFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "attachments"


@pytest.fixture
async def folder(root: Path) -> AsyncIterator[Folder]:
    bucket = Folder(root)
    await bucket.open()
    yield bucket
    await bucket.aclose()


async def test_a_check_of_a_folder_writes_no_file_each_time(
    folder: Folder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts, aside = root / ".drafts", root.with_name("aside")
    before = drafts.stat().st_mtime_ns
    await folder.check()
    assert drafts.stat().st_mtime_ns == before
    await asyncio.to_thread(root.rename, aside)
    with pytest.raises(BucketUnavailable, match="No such file"):
        await folder.check()
    await asyncio.to_thread(aside.rename, root)
    monkeypatch.setattr(folder, "_proven_until", 0.0)
    await folder.check()
    assert drafts.stat().st_mtime_ns > before


def found(root: Path) -> list[str]:
    """Every file below the folder, half written ones included."""
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


def modes_of_folders(root: Path) -> set[int]:
    return {stat.S_IMODE(p.stat().st_mode) for p in [root, *root.rglob("*")] if p.is_dir()}


@contextmanager
def unmounted(root: Path) -> Iterator[Path]:
    """The folder is away for a while; gives its empty place."""
    away = root.with_name("elsewhere")
    root.rename(away)
    yield root
    assert not root.exists(), "nothing is written beside a lost mount"
    away.rename(root)


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


# ---------------------------------------------------------------- objects


async def test_what_is_put_is_read_again(folder: Folder) -> None:
    key = new_key()
    await folder.put(key, b"hello")
    assert await folder.read(key) == b"hello"
    assert await folder.stat(key) == 5


async def test_objects_lie_in_subfolders_that_only_the_owner_reads(
    folder: Folder, root: Path
) -> None:
    key, upload = new_key(), new_key(UPLOADS)
    await folder.put(key, b"hello")
    await folder.put(upload, b"hello")
    name = upload.removeprefix(UPLOADS)
    assert found(root) == sorted([f"{key[:2]}/{key}", f"uploads/{name[:2]}/{name}"])
    assert modes_of_folders(root) == {0o700}
    path = await folder.path(key)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_stream_is_stored_and_measured(folder: Folder) -> None:
    key = new_key(UPLOADS)
    chunks = [b"a" * 200_000, b"", b"b" * 200_000, b"c"]
    assert await folder.put_stream(key, stream(*chunks), 400_001) == 400_001
    assert await folder.read(key) == b"".join(chunks)


async def test_an_empty_stream_is_an_empty_object(folder: Folder) -> None:
    key = new_key()
    assert await folder.put_stream(key, stream(), 10) == 0
    assert await folder.stat(key) == 0


async def test_too_much_is_not_read(folder: Folder) -> None:
    key = new_key()
    await folder.put(key, b"hello")
    assert await folder.read(key, 5) == b"hello"
    with pytest.raises(ObjectTooLarge, match="More than 4 bytes"):
        await folder.read(key, 4)


async def test_clients_reach_the_folder_through_the_app_alone(folder: Folder, root: Path) -> None:
    key = new_key(UPLOADS)
    await folder.put(key, b"hello")
    assert folder.get_url("GET", key, {}) is None
    assert folder.put_url(key, 5, 60) is None
    await folder.sweep(0)
    assert len(found(root)) == 1


async def test_a_second_put_replaces_the_first(folder: Folder) -> None:
    key = new_key(UPLOADS)
    await folder.put(key, b"first")
    await folder.put_stream(key, stream(b"second"), 10)
    assert await folder.read(key) == b"second"


async def test_a_moved_object_is_no_longer_where_it_was(folder: Folder) -> None:
    source, target = new_key(UPLOADS), new_key()
    await folder.put(source, b"hello")
    await folder.move(source, target)
    assert await folder.stat(source) is None
    assert await folder.read(target) == b"hello"


async def test_an_upload_is_taken_once_however_many_ask_for_it(folder: Folder) -> None:
    source = new_key(UPLOADS)
    await folder.put(source, b"hello")
    moves = [folder.move(source, new_key()) for _ in range(5)]
    results = await asyncio.gather(*moves, return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, ObjectMissing) for result in results) == 4


async def test_deleting_again_is_fine(folder: Folder, root: Path) -> None:
    keys = [new_key(), new_key(UPLOADS), new_key()]
    await folder.put(keys[0], b"a")
    await folder.put(keys[1], b"b")
    await folder.delete(keys)
    assert found(root) == []
    await folder.delete(keys)
    await folder.delete([])


async def test_a_missing_object_is_no_trouble_of_the_folder(folder: Folder) -> None:
    key = new_key()
    assert await folder.stat(key) is None
    assert await folder.path(key) is None
    with pytest.raises(ObjectMissing):
        await folder.read(key)
    with pytest.raises(ObjectMissing):
        await folder.move(key, new_key())


def test_keys_are_never_the_same_and_fit_into_a_path() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert {len(key) for key in keys} == {32}
    assert new_key(UPLOADS).startswith("uploads/")


ESCAPES = [
    "../secret",
    "uploads/../../secret",
    "/etc/passwd",
    "uploads//etc/passwd",
    "..",
    ".",
    "",
    "uploads/",
    ".drafts/" + "0" * 32,
    "0" * 31,
    "0" * 33,
    "0" * 32 + "\n",
    "0" * 31 + "\0",
    "A" * 32,
    "٠" * 32,
    "uploads/uploads/" + "0" * 32,
]


@pytest.mark.parametrize("key", ESCAPES)
async def test_no_key_leads_out_of_the_folder(folder: Folder, root: Path, key: str) -> None:
    (root.parent / "secret").write_bytes(b"of somebody else")
    good = new_key()
    await folder.put(good, b"hello")
    before = found(root.parent)
    assert await folder.stat(key) is None
    assert await folder.path(key) is None
    await folder.delete([key])
    for attempt in (
        folder.read(key),
        folder.put(key, b"x"),
        folder.put_stream(key, stream(b"x"), 5),
        folder.move(key, new_key()),
        folder.move(good, key),
    ):
        with pytest.raises(ObjectMissing):
            await attempt
    assert found(root.parent) == before


# ---------------------------------------------------------------- whole or not at all


async def test_a_stream_that_is_too_long_leaves_nothing(folder: Folder, root: Path) -> None:
    sent: list[bytes] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(b"x" * 100_000)
            yield sent[-1]

    with pytest.raises(ObjectTooLarge, match="More than 1,000,000 bytes"):
        await folder.put_stream(new_key(), endless(), 1_000_000)
    assert len(sent) == 11
    assert found(root) == []


async def test_a_stream_that_breaks_off_leaves_nothing(folder: Folder, root: Path) -> None:
    seen: list[str] = []

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        seen.extend(found(root))
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        await folder.put_stream(new_key(), broken(), 1_000_000)
    assert len(seen) == 1
    assert found(root) == []


async def test_a_stream_that_is_cancelled_leaves_nothing(folder: Folder, root: Path) -> None:
    waiting = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 300_000
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(folder.put_stream(new_key(), slow(), 1_000_000))
    await waiting.wait()
    assert len(found(root)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert found(root) == []


@contextmanager
def held(
    monkeypatch: pytest.MonkeyPatch, name: str, nth: int = 1
) -> Iterator[tuple[threading.Event, ...]]:
    """The nth such call into the system says that it was reached, and waits until it may go on."""
    reached, go, calls = threading.Event(), threading.Event(), itertools.count(1)
    real: Callable[..., object] = getattr(os, name)

    def slowly(*args: object, **named: object) -> object:
        if next(calls) == nth:
            reached.set()
            assert go.wait(10)
        return real(*args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, slowly)
        yield reached, go
        go.set()


@pytest.mark.parametrize(
    ("call", "nth"), [("open", 1), ("fdopen", 1), ("fsync", 1), ("fsync", 2), ("fsync", 3)]
)
async def test_a_put_that_is_cancelled_half_way_leaves_nothing(
    folder: Folder, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    key = new_key()
    with held(monkeypatch, call, nth) as (reached, go):
        task = asyncio.create_task(folder.put(key, b"x" * 300_000))
        await asyncio.to_thread(reached.wait)
        task.cancel()
        asyncio.get_running_loop().call_soon(go.set)
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await folder.stat(key) is None
    assert found(root) == []


async def test_the_loop_goes_on_while_the_disk_is_slow(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key()
    with held(monkeypatch, "fsync") as (reached, go):
        task = asyncio.create_task(folder.put(key, b"hello"))
        await asyncio.to_thread(reached.wait)
        assert await folder.stat(key) is None
        go.set()
        await task
    assert await folder.stat(key) == 5


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from roomcast.store.objects.bucket import new_key
from roomcast.store.objects.folder import Folder
from roomcast.store.objects.folder_files import FolderFiles

async def endless():
    yield b"x" * 300_000
    print("half written", flush=True)
    await asyncio.Event().wait()

async def main():
    folder = Folder(Path(sys.argv[1]))
    await folder.open()
    await folder.put_stream(new_key(), endless(), 1_000_000)

asyncio.run(main())
"""


@contextmanager
def writing_process(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", KILLED, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"half written\n"
            yield process
        finally:
            process.kill()


async def test_what_a_crash_left_is_removed_at_the_next_start(folder: Folder, root: Path) -> None:
    key = new_key()
    await folder.put(key, b"hello")
    with writing_process(root) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(found(root)) == 2
    await folder.open()
    assert found(root) == [f"{key[:2]}/{key}"]


async def test_what_another_process_is_writing_is_left_alone(folder: Folder, root: Path) -> None:
    with writing_process(root):
        under_way = found(root)
        assert len(under_way) == 1
        await folder.open()
        assert found(root) == under_way


async def test_the_order_on_the_disk_survives_a_power_cut(
    folder: Folder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes, then the name: first the file is synced, then it is renamed, then its folder."""
    calls: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def fsync(number: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        real_sync(number)

    def replace(path: Path, target: Path) -> Path:
        calls.append("rename")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    await folder.put("ab" * 16, b"hello")
    assert calls == ["folder", "file", "rename", "folder"]  # the first: a new subfolder's name
    calls.clear()
    await folder.put("ab" + "cd" * 15, b"hello")
    assert calls == ["file", "rename", "folder"]


# ---------------------------------------------------------------- a disk in trouble


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """The system refuses to write more into any file: as near to a full disk as a test gets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_is_told_and_leaves_nothing(folder: Folder, root: Path) -> None:
    key = new_key()
    with no_file_over(100_000):
        with pytest.raises(BucketUnavailable, match="can't be used: File too large"):
            await folder.put(key, b"x" * 300_000)
        with pytest.raises(BucketUnavailable, match="can't be used: File too large"):
            await folder.put_stream(key, stream(b"x" * 300_000), 1_000_000)
    assert found(root) == []
    await folder.put(key, b"x" * 300_000)
    assert await folder.stat(key) == 300_000


async def test_the_check_finds_a_full_disk(folder: Folder, root: Path) -> None:
    unproven = Folder(root)
    with no_file_over(100), pytest.raises(BucketUnavailable):
        await unproven.check()
    await unproven.check()
    await unproven.aclose()
    assert found(root) == []


async def test_a_folder_opened_by_another_process_takes_no_file_that_begins(
    folder: Folder, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process finds the file after it was made, and before it was locked."""
    lock, opened = fcntl.flock, threading.Event()

    def late(file: BinaryIO, operation: int) -> None:
        if not opened.is_set():
            opened.set()
            FolderFiles(root).open()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    key = new_key()
    await folder.put(key, b"hello")
    assert opened.is_set()
    assert await folder.read(key) == b"hello"
    assert len(found(root)) == 1


async def test_a_folder_that_is_gone_has_lost_nothing(folder: Folder, root: Path) -> None:
    """A mount that went away must not pass for deleted objects, nor be written beside."""
    key = new_key()
    await folder.put(key, b"hello")
    with unmounted(root):
        for attempt in (
            folder.read(key),
            folder.stat(key),
            folder.path(key),
            folder.delete([key]),
            folder.put(key, b"x"),
            folder.put_stream(key, stream(b"x"), 5),
            folder.move(key, new_key()),
            folder.check(),
        ):
            with pytest.raises(BucketUnavailable, match=r"attachments can't be used: No such file"):
                await attempt
    assert await folder.read(key) == b"hello"


async def test_an_empty_mount_point_is_a_folder_gone(folder: Folder, root: Path) -> None:
    key = new_key()
    await folder.put(key, b"hello")
    with unmounted(root) as place:
        os.mkdir(place)
        with pytest.raises(BucketUnavailable):
            await folder.stat(key)
        with pytest.raises(BucketUnavailable):
            await folder.put(new_key(), b"x")
        os.rmdir(place)
    assert await folder.read(key) == b"hello"


async def test_a_subfolder_that_is_gone_is_made_again(folder: Folder, root: Path) -> None:
    await folder.put("ab" * 16, b"hello")
    (root / "ab" / ("ab" * 16)).unlink()
    (root / "ab").rmdir()
    assert await folder.stat("ab" * 16) is None
    await folder.put("ab" * 16, b"hello")
    assert await folder.stat("ab" * 16) == 5


async def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    bucket = Folder(tmp_path / "file" / "attachments")
    with pytest.raises(BucketUnavailable, match=r"file/attachments can't be used: Not a directory"):
        await bucket.open()
    await bucket.aclose()


# ---------------------------------------------------------------- by URL


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:./attachments", "{here}/attachments"),
        ("file:attachments", "{here}/attachments"),
        ("FILE:attachments", "{here}/attachments"),
        ("file:/srv/chat", "/srv/chat"),
        ("file:///srv/chat", "/srv/chat"),
        ("file://localhost/srv/chat", "/srv/chat"),
        ("file:./my%20files", "{here}/my files"),
        ("file:./a?b#c", "{here}/a?b#c"),
    ],
)
def test_a_folder_is_named_by_its_url(
    url: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bucket = bucket_of(url)
    monkeypatch.chdir("/")
    assert isinstance(bucket, Folder)
    assert bucket.root == Path(path.format(here=tmp_path))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s4://KEY:SECRET@host/bucket", "scheme is not file: or s3:; a folder is written file:./"),
        ("./attachments", "the scheme is missing"),
        ("", "the scheme is missing"),
        ("file:", "name is missing"),
        ("file://", "name is missing"),
        ("file://srv/chat", "write file:./folder"),
        ("file:./a%00b", "holds a NUL"),
    ],
)
def test_another_url_is_refused_in_a_sentence(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        bucket_of(url)
    assert str(error.value).startswith("attachments.url: ")
    assert "SECRET" not in str(error.value)
