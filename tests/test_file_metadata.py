"""Place, time and camera are taken out of pictures; what makes them look right stays."""

import struct
import time
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from roomcast.chat.attachments.content import Policy, check
from roomcast.chat.attachments.exif import Damaged, read_orientation, write_orientation
from roomcast.chat.attachments.media_types import (
    ANY,
    AVIF,
    DEFAULT_TYPES,
    GIF,
    HEIC,
    JPEG,
    MP4,
    PNG,
    QUICKTIME,
    WEBP,
)
from roomcast.chat.attachments.metadata import clean
from roomcast.protocol.errors import FileInvalid

from . import made_files as made

SECRET = b"GPS 50.4501 N 30.5234 E iPhone 15"
POLICY = Policy(DEFAULT_TYPES, 10 << 20)
KEEPING = Policy(DEFAULT_TYPES, 10 << 20, strip_metadata=False)


def tiff(orientation: int, order: str = ">") -> bytes:
    """EXIF data with an orientation between other tags, and a place behind them."""
    head = b"MM\0*" if order == ">" else b"II*\0"
    tags = [(0x010F, 2, 4, 0x41424300), (0x0112, 3, 1, 0), (0x8825, 4, 1, 50)]
    entries = b"".join(
        struct.pack(order + "HHIHH", tag, kind, count, orientation, 0)
        if tag == 0x0112
        else struct.pack(order + "HHII", tag, kind, count, value)
        for tag, kind, count, value in tags
    )
    return head + struct.pack(order + "IH", 8, len(tags)) + entries + bytes(4) + SECRET


def jpeg(orientation: int = 1, icc: bool = True) -> bytes:
    plain = made.jpeg(4, 3)
    segments = [
        made.segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        made.segment(0xE1, b"Exif\0\0" + tiff(orientation)),
        made.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + SECRET),
        made.segment(0xE2, b"ICC_PROFILE\0\1\1colours") if icc else b"",
        made.segment(0xE2, b"MPF\0" + SECRET),
        made.segment(0xED, b"Photoshop 3.0\x008BIM\4\4" + SECRET),
        made.segment(0xEE, b"Adobe\0d\0\0\0\0\1"),
        made.segment(0xE5, b"a camera's own " + SECRET),
        made.segment(0xFE, SECRET),
    ]
    preview = b"\xff\xd8" + made.segment(0xE1, b"Exif\0\0" + tiff(1)) + b"\xff\xd9"
    return plain[:2] + b"".join(segments) + plain[2:] + preview


def png(orientation: int = 1) -> bytes:
    before = b"".join(
        made.chunk(kind, body)
        for kind, body in [
            (b"iCCP", b"colours\0\0" + zlib.compress(b"profile")),
            (b"eXIf", tiff(orientation)),
            (b"tEXt", b"Comment\0" + SECRET),
            (b"zTXt", b"Comment\0\0" + zlib.compress(SECRET)),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET),
            (b"tIME", b"\x07\xe9\1\1\1\1\1"),
            (b"caBX", SECRET),
            (b"gAMA", struct.pack(">I", 45_455)),
        ]
    )
    return made.png(4, 3, before=before)


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


def webp(orientation: int = 1) -> bytes:
    sides = (3).to_bytes(3, "little") + (2).to_bytes(3, "little")
    inside = b"WEBP" + b"".join(
        [
            riff_chunk(b"VP8X", b"\x2c\0\0\0" + sides),
            riff_chunk(b"ICCP", b"colours"),
            riff_chunk(b"VP8 ", b"\x30\1\0\x9d\x01\x2a" + struct.pack("<HH", 4, 3) + bytes(9)),
            riff_chunk(b"EXIF", tiff(orientation, "<")),
            riff_chunk(b"XMP ", SECRET),
            riff_chunk(b"OWN ", SECRET),
        ]
    )
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def blocks(data: bytes, size: int = 255) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"


def gif(*_: int) -> bytes:
    plain = made.gif(4, 3)
    loop = b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    xmp = b"!\xff\x0bXMP DataXMP" + blocks(SECRET)
    return plain[:19] + loop + xmp + b"!\xfe" + blocks(SECRET) + plain[19:]


def heic(*_: int) -> bytes:
    return made.heif(exif=bytes(4) + tiff(1), xmp=b"<x:xmpmeta>" + SECRET)


def mov(*_: int) -> bytes:
    place = made.box(b"udta", made.box(b"\xa9xyz", SECRET)) + made.full_box(b"meta", 0, SECRET)
    return made.movie(b"qt  ", b"vide", b"soun", user_data=place)


Maker = Callable[..., bytes]
MAKERS = [(JPEG, jpeg), (PNG, png), (WEBP, webp), (GIF, gif), (HEIC, heic), (QUICKTIME, mov)]


@pytest.mark.parametrize(("kind", "make"), MAKERS)
def test_what_a_picture_tells_of_its_maker_is_not_kept(kind: str, make: Maker) -> None:
    data = make()
    assert SECRET in data
    kept = check(data, kind, len(data), POLICY).content
    assert SECRET not in kept
    assert b"xmpmeta" not in kept
    assert zlib.compress(SECRET) not in kept


@pytest.mark.parametrize(("kind", "make"), MAKERS)
def test_the_setting_keeps_every_byte(kind: str, make: Maker) -> None:
    data = make(6)
    assert check(data, kind, len(data), KEEPING).content == data


@pytest.mark.parametrize(("kind", "make"), MAKERS)
def test_what_is_cleaned_is_clean(kind: str, make: Maker) -> None:
    for orientation in (1, 6):
        once = clean(make(orientation), kind)
        assert clean(once.content, kind).content is once.content
        assert check(once.content, ANY, None, POLICY).content_type == kind


@pytest.mark.parametrize("kind", [JPEG, PNG, WEBP])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_stays_and_the_size_is_as_shown(kind: str, orientation: int) -> None:
    make = dict(MAKERS)[kind]
    for policy in (POLICY, KEEPING):
        found = check(make(orientation), kind, None, policy)
        assert clean(found.content, kind).orientation == orientation
        assert (found.width, found.height) == ((4, 3) if orientation < 5 else (3, 4))


@pytest.mark.parametrize(("kind", "make"), MAKERS[:4])
def test_what_follows_a_picture_is_kept_where_it_tells_nothing(kind: str, make: Maker) -> None:
    whole = clean(make(), kind).content
    assert clean(whole + bytes(50), kind).content == whole + bytes(50)
    film = b"....ftypmp42" + SECRET
    assert clean(whole + film, kind).content == whole


@pytest.mark.parametrize(("kind", "make"), MAKERS[:3])
def test_the_colour_profile_stays(kind: str, make: Maker) -> None:
    assert b"colours" in make()
    assert b"colours" in clean(make(), kind).content


def test_what_a_jpeg_is_made_of_stays_in_its_order() -> None:
    kept = clean(jpeg(6), JPEG).content
    markers = [kept[at + 1] for at in range(len(kept) - 1) if kept[at] == 0xFF and kept[at + 1]]
    assert markers[:5] == [0xD8, 0xE0, 0xE1, 0xE2, 0xEE]
    assert kept.endswith(b"\xff\xd9")
    assert made.jpeg(4, 3)[12:] in kept or kept.count(b"\xff\xda") == 1


def test_a_progressive_jpeg_keeps_all_its_scans() -> None:
    plain = made.jpeg(4, 3, frame=0xC2)
    scan = made.segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd0\x56"
    tables = made.segment(0xC4, bytes(20))
    data = plain[:-2] + tables + scan + tables + scan + b"\xff\xd9"
    kept = clean(data, JPEG).content
    assert kept.count(scan) == 2
    assert kept.endswith(tables + scan + b"\xff\xd9")


def test_an_animation_stays_one() -> None:
    kept = clean(gif(), GIF).content
    assert b"NETSCAPE2.0" in kept
    assert b"!\xf9\x04" in kept
    assert kept.endswith(b";")
    animated = made.png(before=made.chunk(b"acTL", bytes(8)) + made.chunk(b"fcTL", bytes(26)))
    assert clean(animated, PNG).content is animated


@pytest.mark.parametrize(("kind", "make"), [(HEIC, heic), (QUICKTIME, mov)])
def test_where_offsets_lead_nothing_moves(kind: str, make: Maker) -> None:
    data = make()
    kept = clean(data, kind).content
    assert len(kept) == len(data)
    assert kept[-64:] == data[-64:] or kind == HEIC
    assert b"\x26pixels!" in kept or kind != HEIC


@pytest.mark.parametrize("major", [b"heic", b"avif"])
@pytest.mark.parametrize(("turns", "size"), [(0, (4, 3)), (1, (3, 4)), (2, (4, 3)), (3, (3, 4))])
def test_the_size_of_a_heif_picture_is_that_of_its_first_item(
    major: bytes, turns: int, size: tuple[int, int]
) -> None:
    found = check(made.heif(major, turns=turns), ANY, None, POLICY)
    assert (found.width, found.height) == size
    assert found.content_type == (HEIC if major == b"heic" else AVIF)


def test_what_is_no_picture_has_no_size() -> None:
    for kind, data in ((MP4, made.movie(b"isom", b"vide")), (ANY, b"hello")):
        found = check(data, kind, None, POLICY)
        assert (found.width, found.height, found.content) == (None, None, data)


@given(st.integers(1, 8))
def test_an_orientation_is_read_as_it_was_written(orientation: int) -> None:
    assert read_orientation(write_orientation(orientation)) == orientation


@given(st.binary(max_size=80))
@example(b"MM\0*" + b"\xff" * 60)
@example(b"II*\0" + b"\x08\0\0\0\xff\xff" + b"\x12\x01\3\0\1\0\0\0\x63\0\0\0")
def test_any_exif_data_has_an_orientation(data: bytes) -> None:
    assert 1 <= read_orientation(data) <= 8


PICTURES = [(kind, make(6)) for kind, make in MAKERS]


@given(st.sampled_from(PICTURES), st.data())
def test_a_broken_structure_is_refused_or_kept_and_never_a_crash(
    picture: tuple[str, bytes], draw: st.DataObject
) -> None:
    kind, data = picture
    broken = bytearray(data)
    for _ in range(draw.draw(st.integers(0, 4))):
        at = draw.draw(st.integers(0, len(data) - 1))
        broken[at] = draw.draw(st.integers(0, 255))
    cut = bytes(broken[: draw.draw(st.integers(0, len(data)))])
    try:
        found = clean(cut, kind)
    except Damaged:
        return
    assert len(found.content) <= len(cut) + 64
    try:
        check(cut, kind, None, POLICY)
    except FileInvalid:
        return


@given(st.sampled_from([kind for kind, _ in MAKERS]), st.binary(max_size=200))
def test_noise_is_refused_or_kept_and_never_a_crash(kind: str, noise: bytes) -> None:
    head = dict(PICTURES)[kind][:24]
    for data in (noise, head + noise):
        try:
            clean(data, kind)
        except Damaged:
            continue


def made_of_one_byte_blocks() -> bytes:
    picture = made.gif(4, 3)
    return picture[:19] + b"!\xfe" + b"\1x" * (5 << 20) + b"\0" + picture[19:]


def made_of_one_byte_pixels() -> bytes:
    picture = made.gif(4, 3)
    return picture[:-4] + b"\1x" * (5 << 20) + b"\0;"


SLOW = {
    "gif-comment": (GIF, made_of_one_byte_blocks),
    "gif-picture": (GIF, made_of_one_byte_pixels),
    "gif-pictures": (GIF, lambda: made.gif()[:-1] + made.gif()[-16:-1] * 600_000),
    "png": (PNG, lambda: made.png()[:-12] + made.chunk(b"tEXt", b"") * 800_000),
    "jpeg-segments": (JPEG, lambda: made.jpeg()[:-2] + b"\xff\xfe\0\2" * 2_500_000),
    "jpeg-scans": (JPEG, lambda: made.jpeg()[:-2] + b"\xff\xda\0\2x" * 2_000_000),
    "jpeg-stuffing": (JPEG, lambda: made.jpeg()[:-2] + b"\xff\0" * (5 << 20)),
    "webp": (WEBP, lambda: made.riff(b"VP8X", bytes(10) + riff_chunk(b"EXIF", b"") * 1_200_000)),
    "mov": (QUICKTIME, lambda: made.movie(b"qt  ", b"vide") + made.box(b"free") * 1_200_000),
    "zip": ("application/zip", lambda: b"PK\3\4" + b"PK\1\2" * 2_000_000 + made.archive(a="b")),
}


@pytest.mark.parametrize(("kind", "make"), SLOW.values(), ids=list(SLOW))
def test_a_file_made_to_take_long_does_not(kind: str, make: Callable[[], bytes]) -> None:
    """Of ten megabytes an attack on the reader takes at most as long as an honest file."""
    data = make()
    assert len(data) > 4 << 20
    began = time.thread_time()
    with suppress(FileInvalid):
        check(data, kind, None, Policy(DEFAULT_TYPES, 20 << 20))
    assert time.thread_time() - began < 0.4
