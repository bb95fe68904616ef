"""Thumbnails: what is made of which picture, what is sent as it is, and what is bounded."""

import asyncio
import io
import struct
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from roomcast.chat.attachments import resizing, thumbnails
from roomcast.chat.attachments.exif import write_orientation
from roomcast.chat.attachments.media_types import GIF, JPEG, PDF, PNG, WEBP
from roomcast.chat.attachments.resizing import make_thumbnail
from roomcast.chat.attachments.thumbnails import SIZES, Thumbnail, ThumbnailCache, Thumbnails
from roomcast.store.objects.bucket import BucketUnavailable, ObjectMissing
from roomcast.store.objects.folder import Folder

from . import made_files as made

FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP"}
PROFILE = bytes(16) + b"RGB " + bytes(200)
KEY = "0" * 32


@cache
def drawing(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Its top left quarter is red; there is noise, so that it does not vanish in compression."""
    noise = Image.effect_noise((width, height), 40).convert("RGB")
    ImageDraw.Draw(noise).rectangle((0, 0, width // 2, height // 2), (220, 20, 20))
    return noise.convert(mode)


def picture(kind: str, width: int = 480, height: int = 360, mode: str = "RGB", **how: Any) -> bytes:
    written = io.BytesIO()
    quick = {"compress_level": 1, "method": 0}  # of PNG and WEBP
    drawing(width, height, mode).save(written, FORMATS[kind], **quick | how)
    return written.getvalue()


def opened(thumbnail: Thumbnail | None) -> Image.Image:
    assert thumbnail is not None
    made = Image.open(io.BytesIO(thumbnail.content))
    made.load()
    return made


def is_red(image: Image.Image, x: float, y: float) -> bool:
    at = (int(x * (image.width - 1)), int(y * (image.height - 1)))
    red, green, blue = image.convert("RGB").getpixel(at)  # type: ignore[misc] # three of them
    return red > 150 and green < 90 and blue < 90


# ---------------------------------------------------------------- what is made


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_is_made_to_fit(kind: str, size: int) -> None:
    data = picture(kind, size * 4 // 3, size)
    thumbnail = make_thumbnail(data, kind, size)
    found = opened(thumbnail)
    assert found.size == (size, size * 3 // 4)
    assert thumbnail is not None
    assert len(thumbnail.content) < len(data)
    assert thumbnail.content_type == (JPEG if kind == JPEG else WEBP)
    assert Image.MIME[found.format or ""] == thumbnail.content_type
    assert is_red(found, 0.2, 0.2)
    assert not is_red(found, 0.8, 0.8)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_upright(kind: str, orientation: int) -> None:
    """The red quarter goes where a viewer that obeys the orientation shows it."""
    exif = b"Exif\0\0" + write_orientation(orientation)
    data = picture(kind, exif=exif)
    found = opened(make_thumbnail(data, kind, 360))
    assert found.size == ((270, 360) if orientation > 4 else (360, 270))
    assert not found.getexif()
    corner = {
        1: (0, 0),
        2: (1, 0),
        3: (1, 1),
        4: (0, 1),
        5: (0, 0),
        6: (1, 0),
        7: (1, 1),
        8: (0, 1),
    }
    for x in (0, 1):
        for y in (0, 1):
            assert is_red(found, 0.2 + 0.6 * x, 0.2 + 0.6 * y) == ((x, y) == corner[orientation])


@pytest.mark.parametrize(
    ("width", "height", "made_size"),
    [(2000, 100, (360, 18)), (100, 2000, (18, 360)), (9000, 2, (360, 1)), (400, 360, (360, 324))],
)
@pytest.mark.parametrize("kind", [JPEG, PNG])
def test_every_shape(kind: str, width: int, height: int, made_size: tuple[int, int]) -> None:
    assert opened(make_thumbnail(picture(kind, width, height), kind, 360)).size == made_size


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_stays(mode: str) -> None:
    image = drawing(540, 360, "RGBA").copy()
    ImageDraw.Draw(image).rectangle((270, 180, 540, 360), (0, 0, 0, 0))
    written = io.BytesIO()
    image.convert(mode).save(written, "PNG")
    found = opened(make_thumbnail(written.getvalue(), PNG, 360)).convert("RGBA")
    assert found.getpixel((300, 200))[3] < 10  # type: ignore[index] # red, green, blue, alpha
    assert found.getpixel((30, 20))[3] > 250  # type: ignore[index]


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_few_colours(mode: str) -> None:
    data = picture(PNG, 1200, 900, mode=mode)
    assert opened(make_thumbnail(data, PNG, 360)).size == (360, 270)


def test_a_grey_photo_stays_grey() -> None:
    assert opened(make_thumbnail(picture(JPEG, mode="L"), JPEG, 360)).mode == "L"


@pytest.mark.parametrize("kind", FORMATS)
def test_the_colour_profile_stays(kind: str) -> None:
    found = opened(make_thumbnail(picture(kind, icc_profile=PROFILE), kind, 360))
    assert found.info["icc_profile"] == PROFILE


def test_what_a_picture_tells_of_its_maker_is_not_in_it() -> None:
    secret = b"GPS 50.4501 N 30.5234 E"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    data = picture(JPEG, exif=exif, comment=secret)
    thumbnail = make_thumbnail(data, JPEG, 360)
    assert thumbnail is not None
    assert secret in data
    assert secret not in thumbnail.content


# ---------------------------------------------------------------- what is sent as it is


def grown(kind: str) -> bytes:
    frames = [drawing(480, 360), drawing(480, 360).rotate(180)]
    written = io.BytesIO()
    frames[0].save(written, FORMATS[kind], save_all=True, append_images=frames[1:])
    return written.getvalue()


def with_chunk(kind: bytes, body: bytes) -> bytes:
    plain = picture(PNG)
    return plain[:33] + made.chunk(kind, body) + plain[33:]


AS_THEY_ARE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "it fits": (JPEG, lambda: picture(JPEG, 360, 200)),
    "one pixel": (PNG, lambda: picture(PNG, 1, 1)),
    "an animated png": (PNG, lambda: grown(PNG)),
    "an animated webp": (WEBP, lambda: grown(WEBP)),
    "for print": (JPEG, lambda: picture(JPEG, mode="CMYK")),
    "sixteen bits of grey": (PNG, lambda: picture(PNG, mode="I;16")),
    "hdr": (PNG, lambda: with_chunk(b"cICP", b"\x09\x10\x00\x01")),
    "linear light": (PNG, lambda: with_chunk(b"gAMA", (100_000).to_bytes(4, "big"))),
    "a huge profile": (JPEG, lambda: picture(JPEG, icc_profile=bytes(70_000))),
    "a thumbnail would be larger": (PNG, lambda: _plain_png()),
    "too many scans": (JPEG, lambda: picture(JPEG) + b"\xff\xda" * 20),
}


def _plain_png() -> bytes:
    written = io.BytesIO()
    Image.new("1", (361, 361)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize("why", AS_THEY_ARE)
def test_these_are_sent_as_they_are(why: str) -> None:
    kind, make = AS_THEY_ARE[why]
    assert make_thumbnail(make(), kind, 360) is None


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        (PNG, made.png(4_001, 4_000)),
        (PNG, made.png(1, 65_536)),
        (WEBP, made.webp_lossless(2_001, 2_000)),
        (JPEG, made.jpeg(8_001, 8_000)),
        (JPEG, made.jpeg(4_001, 4_000, frame=0xC2) + b"\xff\xda"),
    ],
)
def test_nothing_is_decoded_that_takes_much_memory(
    kind: str, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert make_thumbnail(head, kind, 360) is None


@pytest.mark.parametrize("kind", [JPEG, PNG])
def test_a_second_header_does_not_count(kind: str) -> None:
    """The sizes that were checked are those of the first one."""
    data = picture(kind)
    if kind == PNG:
        header = made.chunk(b"IHDR", struct.pack(">IIBBBBB", 9_000, 9_000, 8, 2, 0, 0, 0))
        data = data[:33] + header + data[33:]
    else:
        body = struct.pack(">BHHB", 8, 9_000, 9_000, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
        at = data.index(b"\xff\xda")
        data = data[:at] + made.segment(0xC0, body) + data[at:]
    assert Image.open(io.BytesIO(data)).size == (9_000, 9_000)
    assert make_thumbnail(data, kind, 360) is None


def test_a_progressive_jpeg_is_held_whole_while_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One scan is enough to make it so."""
    data = picture(JPEG, progressive=True)
    assert data.count(b"\xff\xda") > 1
    assert make_thumbnail(data, JPEG, 360) is not None
    monkeypatch.setattr(resizing, "MAX_PIXELS_OF_SCANS", 100_000)
    assert make_thumbnail(data, JPEG, 360) is None
    assert make_thumbnail(picture(JPEG), JPEG, 360) is not None


# ---------------------------------------------------------------- strangers' bytes

HARMLESS = {kind: picture(kind, 500, 400) for kind in FORMATS}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.001, 0.3, 0.9])
async def test_what_breaks_off_is_sent_as_it_is(kind: str, share: float) -> None:
    data = HARMLESS[kind]
    box = Thumbnails(OneObject(data[: max(40, int(len(data) * share))]), 1 << 20)
    assert await box.get(KEY, kind, 360) is None


@pytest.mark.parametrize("declared", FORMATS)
@pytest.mark.parametrize("kind", FORMATS)
async def test_only_the_declared_format_is_decoded(declared: str, kind: str) -> None:
    box = Thumbnails(OneObject(HARMLESS[kind]), 1 << 20)
    assert (await box.get(KEY, declared, 360) is None) == (declared != kind)


@given(st.sampled_from(sorted(FORMATS)), st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_picture_harms_nothing(kind: str, draw: st.DataObject) -> None:
    data = bytearray(HARMLESS[kind])
    for _ in range(draw.draw(st.integers(1, 6))):
        near = draw.draw(st.integers(0, len(data) - 1) | st.integers(0, 200))
        data[near : near + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    made_of_it = thumbnails.make_safely(bytes(data), kind, (KEY, 360))
    assert made_of_it is None or max(opened(made_of_it).size) <= 360


# ---------------------------------------------------------------- kept in memory


def thumbnail_of(size: int) -> Thumbnail:
    return Thumbnail(bytes(size), JPEG)


def test_the_cache_keeps_what_was_used_last() -> None:
    cache = ThumbnailCache(10_000)
    for name in "abc":
        cache.put((name, 360), thumbnail_of(2_500))
    assert cache.get(("a", 360)) == thumbnail_of(2_500)
    cache.put(("d", 360), thumbnail_of(2_500))
    assert [name for name in "abcd" if (name, 360) in cache] == ["a", "c", "d"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 12_000))))
def test_the_cache_is_bounded(puts: list[tuple[str, int | None]]) -> None:
    cache = ThumbnailCache(10_000)
    for name, size in puts:
        cache.put((name, 360), None if size is None else thumbnail_of(size))
        assert cache.size <= 10_000
    for name, _ in puts:
        cache.discard((name, 360))
    assert cache.size == 0


class OneObject(Folder):
    """A bucket that holds the same object under every key; it counts how often it was read."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data
        self.reads = 0

    async def stat(self, key: str) -> int | None:
        return None if self.data is None else len(self.data)

    async def read(self, key: str, max_size: int | None = None) -> bytes:
        self.reads += 1
        await asyncio.sleep(0)
        assert self.data is not None
        return self.data


async def test_many_who_ask_at_once_share_one_making(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = OneObject(HARMLESS[JPEG])
    box = Thumbnails(bucket, 1 << 20)
    found = await asyncio.gather(*(box.get(KEY, JPEG, 360) for _ in range(50)))
    assert len({id(each) for each in found}) == 1
    assert await box.get(KEY, JPEG, 360) is found[0]
    assert bucket.reads == 1


async def test_one_is_made_at_a_time_and_not_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    working = threading.Lock()
    loop_thread = threading.get_ident()

    def make(data: bytes, kind: str, size: int) -> Thumbnail:
        assert threading.get_ident() != loop_thread
        assert working.acquire(blocking=False), "two at a time"
        working.release()
        return thumbnail_of(10)

    monkeypatch.setattr(resizing, "make_thumbnail", make)
    bucket = OneObject(b"x")
    box = Thumbnails(bucket, 1 << 20)
    found = await asyncio.gather(*(box.get(f"{n:032}", JPEG, 360) for n in range(20)))
    assert found == [thumbnail_of(10)] * 20
    assert bucket.reads == 20


async def test_what_is_one_too_many_is_sent_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "MAX_WAITING", 3)
    box = Thumbnails(OneObject(HARMLESS[JPEG]), 1 << 20)
    found = await asyncio.gather(*(box.get(f"{n:032}", JPEG, 360) for n in range(5)))
    assert [each is None for each in found] == [False] * 3 + [True] * 2
    assert await box.get(f"{4:032}", JPEG, 360) is not None


async def test_what_cannot_be_made_is_tried_once() -> None:
    bucket = OneObject(HARMLESS[JPEG][:9_000])
    box = Thumbnails(bucket, 1 << 20)
    assert [await box.get(KEY, JPEG, 360) for _ in range(3)] == [None] * 3
    assert bucket.reads == 1


async def test_who_leaves_does_not_disturb_the_others() -> None:
    box = Thumbnails(OneObject(HARMLESS[JPEG]), 1 << 20)
    first = asyncio.create_task(box.get(KEY, JPEG, 360))
    second = asyncio.create_task(box.get(KEY, JPEG, 360))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


async def test_a_deleted_picture_has_no_thumbnail_any_more() -> None:
    bucket = OneObject(HARMLESS[JPEG])
    box = Thumbnails(bucket, 1 << 20)
    assert await box.get(KEY, JPEG, 360) is not None
    bucket.data = None
    with pytest.raises(ObjectMissing):
        await box.get(KEY, JPEG, 360)
    bucket.data = HARMLESS[JPEG]
    assert await box.get(KEY, JPEG, 360) is not None
    assert bucket.reads == 2


async def test_an_error_of_the_bucket_is_no_picture_that_cannot_be_made() -> None:
    class Unavailable(OneObject):
        async def read(self, key: str, max_size: int | None = None) -> bytes:
            raise BucketUnavailable("for a moment")

    bucket: OneObject = Unavailable(HARMLESS[JPEG])
    box = Thumbnails(bucket, 1 << 20)
    found = await asyncio.gather(
        *(box.get(KEY, JPEG, 360) for _ in range(3)), return_exceptions=True
    )
    assert [type(each) for each in found] == [BucketUnavailable] * 3
    bucket.__class__ = OneObject
    assert await box.get(KEY, JPEG, 360) is not None


async def test_closing_gives_up_what_waits() -> None:
    box = Thumbnails(OneObject(HARMLESS[JPEG]), 1 << 20)
    waiting = [asyncio.create_task(box.get(f"{n:032}", JPEG, 360)) for n in range(3)]
    await asyncio.sleep(0)
    await box.aclose()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended)


@pytest.mark.parametrize("kind", [GIF, PDF, "text/plain"])
async def test_other_files_have_none(kind: str) -> None:
    bucket = OneObject(HARMLESS[JPEG])
    assert await Thumbnails(bucket, 1 << 20).get(KEY, kind, 360) is None
    assert bucket.reads == 0


async def test_a_picture_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "MAX_OBJECT_SIZE", 1_000)
    bucket = OneObject(HARMLESS[JPEG])
    assert await Thumbnails(bucket, 1 << 20).get(KEY, JPEG, 360) is None
    assert bucket.reads == 0


@pytest.mark.parametrize("how", ["setting", "no Pillow"])
async def test_without_them_every_picture_is_sent_as_it_is(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "no Pillow":
        monkeypatch.setitem(sys.modules, "PIL", None)
    bucket = OneObject(HARMLESS[JPEG])
    box = Thumbnails(bucket, 0 if how == "setting" else 1 << 20)
    assert await box.get(KEY, JPEG, 360) is None
    assert bucket.reads == 0
