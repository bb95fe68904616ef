"""Names made safe, bytes looked at, links that can't be forged."""

import asyncio
import base64
import io
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from roomcast.chat.attachments import files
from roomcast.chat.attachments.files import ANY, GIF, JPEG, PDF, PNG, TEXT, WEBP, ZIP
from roomcast.protocol.errors import FileInvalid, FileTooLarge, FileType, Forbidden, Refusal
from roomcast.settings import Attachments

MIB = 1 << 20
ALLOWED = Attachments().types
SECRET = b"a secret of the test, and no other one"
NOW = 1_763_830_000.0

# ---------------------------------------------------------------- real files


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 1, height: int = 1, before: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 1, height: int = 1, frame: int = 0xC0) -> bytes:
    size = struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
    tables = segment(0xE1, b"Exif\0\0") + segment(0xDB, bytes(65)) + b"\xff"  # a fill byte
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x3f\xff\xd9"
    return b"\xff\xd8" + tables + segment(frame, size) + segment(0xC4, bytes(20)) + scan


def gif(width: int = 1, height: int = 1) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    control = b"!\xf9\x04\x01\0\0\0\0" + b"!\xfe\x05hello\x05again\0"
    picture = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02D\x01\0"
    return b"GIF89a" + screen + control + picture + b";"


def riff(kind: bytes, body: bytes) -> bytes:
    inside = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def webp_lossy(width: int = 1, height: int = 1) -> bytes:
    return riff(b"VP8 ", b"\x30\1\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(8))


def webp_lossless(width: int = 1, height: int = 1) -> bytes:
    return riff(b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + bytes(8))


def webp_extended(width: int = 1, height: int = 1) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff(b"VP8X", bytes(4) + sides + bytes(2))


def archive(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file.getvalue()


DOCX = archive(**{"[Content_Types].xml": "<Types/>", "word/document.xml": "<w:document/>"})
JAR = archive(**{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n"})
A_PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\ntrailer<<>>\n%%EOF\n"
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
XML_SVG = b'\xef\xbb\xbf<?xml version="1.0"?>\n' + SVG
SCRIPT = b"#!/bin/sh\nrm -rf ~\n"
EXE = b"MZ\x90\0\3\0\0\0" + bytes(200)
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200)
NOISE = bytes(range(256)) * 4
AN_ASCII_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
# Binaries that lists of magic numbers take for a JPEG, a WEBP picture, a text and a ZIP archive.
JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200)
WAV = riff(b"fmt ", bytes(16)).replace(b"WEBP", b"WAVE")
PLY = bytes(50) + b"ply" + bytes(200)
PKLITE = b"MZ" + bytes(28) + b"PKLITE" + bytes(200)
RUSSIAN_1251 = "Обычный текст в старой кодировке".encode("cp1251")

REAL = [
    pytest.param(PNG, png(), id="png"),
    pytest.param(PNG, png(before=chunk(b"tEXt", b"Title\0x") * 5), id="png-with-texts"),
    pytest.param(PNG, png(16_320, 12_240), id="png-of-200-megapixels"),
    pytest.param(JPEG, jpeg(), id="jpeg"),
    pytest.param(JPEG, jpeg(frame=0xC2), id="jpeg-progressive"),
    pytest.param(GIF, gif(), id="gif"),
    pytest.param(GIF, b"GIF87a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\0;", id="gif-without-palette"),
    pytest.param(WEBP, webp_lossy(), id="webp-lossy"),
    pytest.param(WEBP, webp_lossless(), id="webp-lossless"),
    pytest.param(WEBP, webp_extended(), id="webp-extended"),
    pytest.param(PDF, A_PDF, id="pdf"),
    pytest.param(PDF, b"\r\n" + A_PDF, id="pdf-after-a-blank-line"),
    pytest.param(TEXT, b"hello\n", id="text"),
    pytest.param(TEXT, "Привіт 👍\r\n\tщо\f".encode(), id="text-unicode"),
    pytest.param(TEXT, "\ufeffПривіт".encode(), id="text-bom"),
    pytest.param(TEXT, "Привіт".encode("utf-16"), id="text-utf16"),
    pytest.param(TEXT, "\ufeffПривіт 👍".encode("utf-16-be"), id="text-utf16-be"),
    pytest.param(TEXT, "👍".encode() * 100_001, id="text-cut-anywhere"),
    pytest.param(ZIP, archive(a="b"), id="zip"),
    pytest.param(ZIP, archive(), id="zip-empty"),
    pytest.param(ZIP, DOCX, id="docx"),
    pytest.param(ZIP, JAR, id="jar"),
]

BROKEN = [
    pytest.param(PNG, b"\x89PNG\r\n\x1a\n" + NOISE, id="png-magic-and-noise"),
    pytest.param(PNG, b"\x89PNG\r\n\x1a\n", id="png-magic-alone"),
    pytest.param(PNG, png()[:33] + NOISE, id="png-header-and-noise"),
    pytest.param(PNG, png()[:33], id="png-header-alone"),
    pytest.param(PNG, png().replace(b"IHDR\0", b"IHDR\1"), id="png-wrong-checksum"),
    pytest.param(PNG, png(before=chunk(b"tEXt", b"") * 1001), id="png-endless-texts"),
    pytest.param(PNG, png(0, 1), id="png-no-width"),
    pytest.param(PNG, png(100_000, 100_000), id="png-bomb"),
    pytest.param(JPEG, b"\xff\xd8\xff\xe0" + NOISE, id="jpeg-magic-and-noise"),
    pytest.param(JPEG, b"\xff\xd8\xff", id="jpeg-magic-alone"),
    pytest.param(JPEG, b"\xff\xd8\xff\xe0\0\0" + bytes(100), id="jpeg-segment-of-nothing"),
    pytest.param(JPEG, b"\xff\xd8" + segment(0xE0, b"JFIF\0") * 1001, id="jpeg-endless"),
    pytest.param(JPEG, b"\xff\xd8\xff\xe0\0\4ab" + NOISE, id="jpeg-segment-and-noise"),
    pytest.param(JPEG, jpeg(1, 0), id="jpeg-no-height"),
    pytest.param(JPEG, jpeg(65_535, 65_535), id="jpeg-bomb"),
    pytest.param(GIF, b"GIF89a" + NOISE, id="gif-magic-and-noise"),
    pytest.param(GIF, b"GIF89a\1", id="gif-magic-alone"),
    pytest.param(GIF, gif()[:19] + b"!\xfe\0" * 1001, id="gif-endless-comments"),
    pytest.param(GIF, gif()[:19] + b"!\xfe" + b"\1x" * 100_001, id="gif-endless-comment"),
    pytest.param(GIF, gif(60_000, 60_000), id="gif-bomb"),
    pytest.param(WEBP, b"RIFF\x20\0\0\0WEBP" + NOISE, id="webp-magic-and-noise"),
    pytest.param(WEBP, webp_lossy()[:-1], id="webp-cut"),
    pytest.param(WEBP, webp_lossy(0, 5), id="webp-no-width"),
    pytest.param(WEBP, webp_extended(1 << 20, 1 << 20), id="webp-bomb"),
    pytest.param(ZIP, b"PK\3\4" + NOISE, id="zip-magic-and-noise"),
    pytest.param(ZIP, archive(a="b" * 100)[:-30], id="zip-cut"),
]


def checked(data: bytes, content_type: str, **limits: int) -> str:
    size = limits.pop("size", len(data))
    limit = limits.pop("max_size", 10 * MIB)
    return files.check(data, content_type, size, allowed=ALLOWED, max_size=limit)


# ---------------------------------------------------------------- what the bytes are


@pytest.mark.parametrize(("kind", "data"), REAL)
def test_a_real_file_is_what_it_says(kind: str, data: bytes) -> None:
    assert checked(data, kind) == kind


@pytest.mark.parametrize(("kind", "data"), REAL)
def test_under_octet_stream_the_bytes_decide(kind: str, data: bytes) -> None:
    assert checked(data, ANY) == kind


@pytest.mark.parametrize("declared", ALLOWED)
@pytest.mark.parametrize(("kind", "data"), REAL)
def test_a_file_passes_under_no_type_but_its_own(declared: str, kind: str, data: bytes) -> None:
    if declared == kind:
        assert checked(data, declared) == kind
    else:
        with pytest.raises(FileInvalid, match="The file is no"):
            checked(data, declared)


@pytest.mark.parametrize(("kind", "data"), BROKEN)
@pytest.mark.parametrize("as_any", [False, True])
def test_a_picture_that_is_none_is_refused(kind: str, data: bytes, as_any: bool) -> None:
    with pytest.raises(FileInvalid, match="damaged"):
        checked(data, ANY if as_any else kind)


BINARIES = [EXE, MP4, NOISE, JPEG_2000, WAV, PLY, PKLITE]
DISGUISED = [HTML, SVG, XML_SVG, SCRIPT, *BINARIES]


@pytest.mark.parametrize("data", DISGUISED)
@pytest.mark.parametrize("declared", [PNG, JPEG, GIF, WEBP, PDF, ZIP])
def test_nothing_else_passes_as_a_picture_a_document_or_an_archive(
    declared: str, data: bytes
) -> None:
    with pytest.raises(FileInvalid, match=f"The file is no {files.IN_WORDS[declared]}"):
        checked(data, declared)


@pytest.mark.parametrize(
    "data",
    [
        *DISGUISED,
        b"<?xml version='1.0'?><a/>",
        b"<?php echo 1;",
        b"  \n<!-- x --><b>hi</b>",
        b"<!---><script>",
        b"<IMG src=x onerror=alert(1)>",
        "<html>".encode("utf-16"),
        b"\xef\xbb\xbf#!/usr/bin/env python\n",
        RUSSIAN_1251,
    ],
)
def test_under_octet_stream_what_is_not_on_the_list_is_refused(data: bytes) -> None:
    with pytest.raises(FileType, match="only: PNG picture, JPEG picture"):
        checked(data, ANY)


@pytest.mark.parametrize("data", [HTML, SVG, XML_SVG, SCRIPT, b"a < b", b"<3", b"GIF89a is old"])
def test_any_text_may_be_sent_as_plain_text(data: bytes) -> None:
    assert checked(data, TEXT) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        b"\x1b[31mred",
        b"\x7f",
        b"\xff\xfea",
        b"\xff",
        "é".encode("latin-1"),
        RUSSIAN_1251,
        b"\xff\xfe\0\0",
        "a\0".encode("utf-16"),
        "👍".encode()[:3],
        A_PDF,
        AN_ASCII_PDF,
        *BINARIES,
    ],
)
def test_what_is_no_text_is_not_sent_as_plain_text(data: bytes) -> None:
    with pytest.raises(FileInvalid, match="no plain text in UTF-8"):
        checked(data, TEXT)


@pytest.mark.parametrize("data", [b"IRC: <ada> hi", b"1 < 2", b'{"a": 1}', b"a,b\n1,2\n"])
def test_under_octet_stream_a_text_without_markup_is_plain_text(data: bytes) -> None:
    assert checked(data, ANY) == TEXT


@pytest.mark.parametrize(
    ("spelled", "data", "kind"),
    [
        ("text/plain; charset=utf-8", b"hi", TEXT),
        (" Text/PLAIN ;charset=x", b"hi", TEXT),
        ("IMAGE/PNG", png(), PNG),
        ("image/jpg", jpeg(), JPEG),
        ("image/pjpeg", jpeg(), JPEG),
        ("application/x-zip-compressed", archive(a="b"), ZIP),
        ("application/octet-stream;x=y", png(), PNG),
    ],
)
def test_other_spellings_of_a_type_are_known(spelled: str, data: bytes, kind: str) -> None:
    assert checked(data, spelled) == kind


@pytest.mark.parametrize(
    "declared",
    ["text/html", "image/svg+xml", "video/mp4", "", "x", "png", "image/png\r\nX: y", "*/*"],
)
def test_a_type_outside_the_list_is_refused_whatever_the_bytes(declared: str) -> None:
    assert checked(png(), PNG) == PNG
    with pytest.raises(FileType, match="not accepted"):
        checked(png(), declared)


@pytest.mark.parametrize("declared", ["video/mp4", "VIDEO/MP4", ANY])
def test_a_site_may_allow_other_types(declared: str) -> None:
    assert files.check(MP4, declared, len(MP4), allowed=["video/mp4"], max_size=MIB) == "video/mp4"


def test_other_types_are_looked_at_too() -> None:
    with pytest.raises(FileInvalid, match="The file is no video/mp4"):
        files.check(EXE, "video/mp4", len(EXE), allowed=["video/mp4"], max_size=MIB)


def test_an_office_document_may_be_allowed_by_its_own_name() -> None:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    assert files.check(DOCX, kind, len(DOCX), allowed=[kind], max_size=MIB) == kind


def test_text_of_another_name_may_be_allowed() -> None:
    assert files.check(b"a,b\n", "text/csv", 4, allowed=["text/csv"], max_size=MIB) == "text/csv"


@pytest.mark.parametrize("data", [EXE, HTML, NOISE])
def test_a_site_may_allow_anything(data: bytes) -> None:
    assert files.check(data, ANY, len(data), allowed=[*ALLOWED, ANY], max_size=MIB) == ANY


# ---------------------------------------------------------------- the order of the checks


@pytest.mark.parametrize(
    ("data", "declared", "size", "refusal", "says"),
    [
        (b"x" * 11, "text/html", 3, FileType, "not accepted"),
        (b"x" * 11, PNG, 11, FileTooLarge, "at most 10 bytes"),
        (b"x" * 11, PNG, 3, FileTooLarge, "at most 10 bytes"),
        (b"x" * 3, PNG, 11, FileTooLarge, "at most 10 bytes"),
        (b"x" * 3, PNG, 4, FileInvalid, "has 3 bytes, declared were 4"),
        (b"", PNG, 4, FileInvalid, "has 0 bytes, declared were 4"),
        (b"x", PNG, 0, FileInvalid, "has 1 bytes, declared were 0"),
        (b"", PNG, 0, FileInvalid, "is empty"),
        (b"", ANY, 0, FileInvalid, "is empty"),
        (b"x" * 3, PNG, 3, FileInvalid, "no PNG picture"),
    ],
)
def test_the_first_thing_wrong_is_named(
    data: bytes, declared: str, size: int, refusal: type[Refusal], says: str
) -> None:
    with pytest.raises(refusal, match=says):
        checked(data, declared, size=size, max_size=10)


def test_the_largest_file_is_checked_in_a_thread_to_the_same_end() -> None:
    data = b"a line of text\n" * (10 * MIB // 15)

    both = [asyncio.to_thread(checked, d, TEXT) for d in (data, data + b"\0")]

    async def run() -> list[str | BaseException]:
        return await asyncio.gather(*both, return_exceptions=True)

    good, bad = asyncio.run(run())
    assert good == TEXT
    assert isinstance(bad, FileInvalid)


def test_a_limit_is_told_in_a_readable_size() -> None:
    with pytest.raises(FileTooLarge, match="at most 10 MiB"):
        files.declared(PNG, 10 * MIB + 1, allowed=ALLOWED, max_size=10 * MIB)
    assert files.declared(PNG, 10 * MIB, allowed=ALLOWED, max_size=10 * MIB) == PNG


def test_an_upload_of_any_bytes_may_be_announced() -> None:
    assert files.declared(ANY, 5, allowed=ALLOWED, max_size=10) == ANY


@pytest.mark.parametrize(
    ("declared", "size", "refusal"),
    [("text/html", 5, FileType), (PNG, 11, FileTooLarge), (PNG, 0, FileInvalid)],
)
def test_an_upload_that_will_be_refused_is_refused_at_once(
    declared: str, size: int, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        files.declared(declared, size, allowed=ALLOWED, max_size=10)


# ---------------------------------------------------------------- base64


@pytest.mark.parametrize(
    "head", ["", "data:image/png;base64,", "data:;base64,", "DATA:text/plain;charset=utf-8;BASE64,"]
)
@pytest.mark.parametrize("data", [b"a", b"ab", b"abc", NOISE, b"\xff" * 600_000])
def test_base64_comes_with_and_without_its_head(head: str, data: bytes) -> None:
    assert files.decode(head + base64.b64encode(data).decode()) == data


WHOLE = "QUJD" * (1 << 16)  # as much as is decoded at once


@pytest.mark.parametrize(
    "data",
    [
        "QQ",
        "QQ=",
        "Q",
        "=",
        "====",
        "QQ===",
        "QQ==QQ==",
        "QUJD=",
        "QUJD====",
        "Q=Q=",
        "QQ==\n",
        "QU JD",
        "QU\nJD",
        "QU-_",
        "QUé=",
        "QQ==\0",
        "data:",
        "data:text/plain,QUJD",
        "data:image/png;base64",
        "data:image/png;base64;,QUJD",
        "data:" + "x" * 2000 + ";base64,QUJD",
        "data:;base64,QQ",
        WHOLE + "=",
        WHOLE + "Q",
        WHOLE[:-4] + "QUI=QUJD",
        WHOLE[:-4] + "QUI=" + "=Q",
        "\ud800QQ=",
    ],
)
def test_anything_else_is_no_base64(data: str) -> None:
    with pytest.raises(FileInvalid, match="base64"):
        files.decode(data)


@given(st.binary(max_size=300), st.sampled_from(["", "data:a/b;base64,"]))
def test_decoding_gives_back_every_byte(data: bytes, head: str) -> None:
    assert files.decode(head + base64.b64encode(data).decode()) == data


@given(st.text(max_size=40) | st.text("QUJDR=+/", max_size=12))
def test_what_is_decoded_is_the_base64_of_something(text: str) -> None:
    try:
        data = files.decode(text)
    except FileInvalid:
        return
    again = base64.b64encode(data).decode()
    assert len(again) == len(text.rpartition(",")[2])


def test_a_file_is_unpacked_and_checked_in_one_go() -> None:
    data = "data:image/png;base64," + base64.b64encode(png()).decode()
    size = len(png())
    assert files.unpack(data, "image/PNG", size, allowed=ALLOWED, max_size=MIB) == (png(), PNG)


@pytest.mark.parametrize(
    ("declared", "size", "refusal"), [("text/html", 5, FileType), (PNG, 11, FileTooLarge)]
)
def test_what_is_refused_by_its_announcement_is_not_decoded(
    declared: str, size: int, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        files.unpack("no base64!", declared, size, allowed=ALLOWED, max_size=10)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "kind", "safe"),
    [
        ("Screen shot (1).png", PNG, "Screen shot (1).png"),
        ("фото з моря.png", PNG, "фото з моря.png"),
        ("👨‍👩‍👧 & co, 100% [final]'.webp", WEBP, "👨‍👩‍👧 & co, 100% [final]'.webp"),
        ("صورة.png", PNG, "صورة.png"),
        ("IMG_1.JPG", JPEG, "IMG_1.JPG"),
        ("e\u0301te\u0301.gif", GIF, "été.gif"),
        ("archive.tar.gz", ZIP, "archive.tar.gz"),
        ("report.docx", ZIP, "report.docx"),
        ("page.html", TEXT, "page.html"),
    ],
)
def test_a_harmless_name_stays_readable(name: str, kind: str, safe: str) -> None:
    assert files.safe_name(name, kind) == safe


@pytest.mark.parametrize(
    ("name", "kind", "safe"),
    [
        (".png", PNG, "file.png"),
        (".PNG", PNG, "file.PNG"),
        (".png", ANY, "file.png"),
        ("", PNG, "file.png"),
        ("...", PDF, "file.pdf"),
        ("\u200d", PDF, "file.pdf"),
        ("photo", JPEG, "photo.jpg"),
        ("README", TEXT, "README.txt"),
        ("README", ANY, "README"),
        ("файли", ZIP, "файли.zip"),
        ("clip", "video/mp4", "clip.mp4"),
        ("thing", "application/x-nobody-knows", "thing"),
        ("notes v1.2", TEXT, "notes v1.2.txt"),
        ("Screenshot 2025.01.28", PNG, "Screenshot 2025.01.28.png"),
        (".gitignore", TEXT, "file.gitignore"),
        (".tar.gz", ZIP, "tar.gz"),
        (".a hidden one", TEXT, "a hidden one.txt"),
    ],
)
def test_a_name_without_an_extension_or_with_nothing_else_is_completed(
    name: str, kind: str, safe: str
) -> None:
    assert files.safe_name(name, kind) == safe


@pytest.mark.parametrize(
    ("name", "kind", "safe"),
    [
        ("evil.html", PNG, "evil.html.png"),
        ("run.exe", PDF, "run.exe.pdf"),
        ("a.png", JPEG, "a.png.jpg"),
        ("photo.jfif", JPEG, "photo.jfif.jpg"),
    ],
)
def test_a_picture_or_document_ends_as_its_type_does(name: str, kind: str, safe: str) -> None:
    assert files.safe_name(name, kind) == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/cron.txt", "cron.txt"),
        ("..\\..\\boot.txt", "boot.txt"),
        ("C:\\fakepath\\a.txt", "a.txt"),
        ("/a.txt", "a.txt"),
        ("folder/", "folder.txt"),
        ("a\0b.txt", "ab.txt"),
        ("a\x1b[31m\x9f.txt", "a[31m.txt"),
        ("two\r\nlines.txt", "two lines.txt"),
        ("\u202etxt.exe\u2066.txt", "txt.exe.txt"),
        ("\ud83da\udc00.txt", "a.txt"),
        ("\ufeffa\u200b.txt", "a.txt"),
        ("a.txt. . .", "a.txt"),
        ("  ..a.txt", "a.txt"),
        ("CON.txt", "_CON.txt"),
        ("con", "_con.txt"),
        ("Com1 .log.txt", "_Com1 .log.txt"),
        ("lpt¹.txt", "_lpt¹.txt"),
        ("CON" + " " * 300 + "a.txt", "_CON.txt"),
        ("console.txt", "console.txt"),
        ('<img src="x">|?*:.txt', "_img src=_x______.txt"),
    ],
)
def test_a_name_can_do_no_harm(name: str, safe: str) -> None:
    assert files.safe_name(name, TEXT) == safe


@pytest.mark.parametrize("letter", ["a", "я", "語", "👍", "e\u0301"])
def test_a_long_name_is_cut_before_its_extension(letter: str) -> None:
    safe = files.safe_name(letter * 5000 + ".png", PNG)
    assert safe.endswith(".png")
    assert 60 <= len(safe) <= 200
    assert 196 <= len(safe.encode()) <= 255


KINDS = st.sampled_from([*ALLOWED, ANY, "video/mp4"])
NASTY = st.text(st.sampled_from('ab. /\\\0\n:"<\u202e\u200d\u0301\ud800яCONcon1éГ.\u00a0'))


@given(st.text() | NASTY | NASTY.map(lambda n: n * 100), KINDS)
@example("CON" + " " * 300, TEXT)
@example("\u0301\u0327" * 100_000, PNG)
def test_a_safe_name_never_escapes_and_stays_as_it_is(name: str, kind: str) -> None:
    safe = files.safe_name(name, kind)
    assert files.safe_name(safe, kind) == safe
    assert 0 < len(safe) <= 200
    assert len(safe.encode()) <= 255
    assert safe == unicodedata.normalize("NFC", safe)
    assert safe == safe.strip() == safe.strip(".")
    assert not set(safe) & set('/\\\0<>:"|?*\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
    assert not {unicodedata.category(c) for c in safe} & {"Cc", "Cs", "Zl", "Zp"}
    assert safe.split(".")[0].strip().upper() not in ("CON", "PRN", "AUX", "NUL", "COM1", "LPT1")


STEMS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=300)


@given(STEMS, st.sampled_from([(".png", PNG), (".JPEG", JPEG), (".docx", ZIP), (".py", TEXT)]))
def test_a_safe_name_keeps_its_extension(stem: str, ending: tuple[str, str]) -> None:
    extension, kind = ending
    assert files.safe_name(stem + extension, kind).endswith(extension)


# ---------------------------------------------------------------- links

KEY = "0123456789abcdef" * 2
EXPIRES = int(NOW) + 60


def parts(url: str, base: str) -> tuple[str, dict[str, str]]:
    """A URL as an app sees it: the path behind /files/, decoded, and the query."""
    split = urlsplit(url.removeprefix(base + "/files/"))
    return unquote(split.path), dict(parse_qsl(split.query))


def download(name: str = "a b.png", kind: str = PNG) -> tuple[str, dict[str, str]]:
    return parts(files.download_url(SECRET, "http://h", KEY, name, kind, EXPIRES), "http://h")


def upload() -> tuple[str, dict[str, str]]:
    url = files.upload_url(SECRET, "http://h", f"uploads/{KEY}", PNG, 68, EXPIRES)
    return parts(url, "http://h")


def test_a_link_leads_to_one_object_under_its_name_and_type() -> None:
    path, query = download()
    assert files.download_of(SECRET, path, query, NOW) == files.Download(KEY, "a b.png", PNG)


def test_a_link_is_absolute_and_carries_the_name_in_its_path() -> None:
    url = files.download_url(SECRET, "https://a.example/chat", KEY, "моє (1).png", PNG, EXPIRES)
    assert url.startswith(f"https://a.example/chat/files/{KEY}/%D0%BC%D0%BE%D1%94%20%281%29.png?")
    assert url.isascii()
    assert set(dict(parse_qsl(urlsplit(url).query))) == {"type", "expires", "signature"}


def test_the_extension_in_a_link_is_in_lower_case() -> None:
    path, query = download("IMG_1.JPG", JPEG)
    assert path.endswith("/IMG_1.jpg")
    assert files.download_of(SECRET, path, query, NOW).name == "IMG_1.jpg"


@given(st.text() | NASTY, KINDS)
def test_every_safe_name_comes_back_from_its_link(name: str, kind: str) -> None:
    safe = files.safe_name(name, kind)
    path, query = download(safe, kind)
    assert files.download_of(SECRET, path, query, NOW).name.lower() == safe.lower()


def test_an_upload_link_tells_what_may_be_put_there() -> None:
    path, query = upload()
    expected = files.Upload(f"uploads/{KEY}", PNG, 68)
    assert files.upload_of(SECRET, path, query, NOW) == expected


def test_a_link_expires() -> None:
    path, query = download()
    assert files.download_of(SECRET, path, query, EXPIRES)
    with pytest.raises(Forbidden, match="expired"):
        files.download_of(SECRET, path, query, EXPIRES + 1)


def test_an_upload_link_expires() -> None:
    path, query = upload()
    assert files.upload_of(SECRET, path, query, EXPIRES)
    with pytest.raises(Forbidden, match="expired"):
        files.upload_of(SECRET, path, query, EXPIRES + 1)


CHANGES = [
    pytest.param({"type": "text/html"}, id="type"),
    pytest.param({"expires": str(EXPIRES + 1)}, id="expires"),
    pytest.param({"expires": f"0{EXPIRES}"}, id="expires-spelled-otherwise"),
    pytest.param({"expires": "never"}, id="expires-no-number"),
    pytest.param({"signature": ""}, id="no-signature"),
    pytest.param({"signature": "é\ud800"}, id="signature-no-ascii"),
    pytest.param({"signature": "A" * 43}, id="signature-made-up"),
    pytest.param({"type": f"{PNG}\n\n{EXPIRES}"}, id="newlines"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_link_is_forbidden(change: dict[str, str]) -> None:
    path, query = download()
    assert files.download_of(SECRET, path, query, NOW)
    with pytest.raises(Forbidden, match="not valid"):
        files.download_of(SECRET, path, query | change, NOW)


@pytest.mark.parametrize("change", [*CHANGES, pytest.param({"size": "69"}, id="size")])
def test_a_changed_upload_link_is_forbidden(change: dict[str, str]) -> None:
    path, query = upload()
    assert files.upload_of(SECRET, path, query, NOW)
    with pytest.raises(Forbidden, match="not valid"):
        files.upload_of(SECRET, path, query | change, NOW)


@pytest.mark.parametrize(
    "path",
    [
        f"{KEY}/b.png",
        f"{KEY}/a b.html",
        f"{KEY}/a b.png/",
        f"{KEY}//a b.png",
        "x/a b.png",
        "a b.png",
        KEY,
        "",
        "/",
        "\ud800",
        f"{KEY}/a b.png\n{PNG}",
    ],
)
def test_a_signature_is_good_for_one_path_alone(path: str) -> None:
    right, query = download()
    assert files.download_of(SECRET, right, query, NOW)
    with pytest.raises(Forbidden, match="not valid"):
        files.download_of(SECRET, path, query, NOW)


def test_a_link_without_a_query_is_forbidden() -> None:
    with pytest.raises(Forbidden):
        files.download_of(SECRET, f"{KEY}/a b.png", {}, NOW)
    with pytest.raises(Forbidden):
        files.upload_of(SECRET, KEY, {}, NOW)


def test_a_link_to_read_is_none_to_write_and_the_other_way_round() -> None:
    path, query = upload()
    with pytest.raises(Forbidden):
        files.download_of(SECRET, f"{path}/a b.png", query, NOW)
    path, query = download()
    with pytest.raises(Forbidden):
        files.upload_of(SECRET, path, query | {"size": ""}, NOW)


def test_a_link_of_another_server_is_forbidden() -> None:
    path, query = download()
    with pytest.raises(Forbidden):
        files.download_of(b"another secret", path, query, NOW)


def test_links_made_soon_after_each_other_are_equal() -> None:
    first = files.expires_at(NOW, 86_400)
    assert NOW + 86_400 <= first <= NOW + 86_400 + 3600
    assert {files.expires_at(first - 86_400 - ago, 86_400) for ago in (0, 1.5, 3599)} == {first}


@given(st.floats(0, 1e10), st.floats(0, 1e6))
def test_a_link_lives_at_least_as_long_as_said(now: float, ttl: float) -> None:
    expires = files.expires_at(now, ttl)
    assert now + ttl <= expires <= now + ttl + max(1, ttl / 24)


# ---------------------------------------------------------------- headers


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (PNG, "inline"),
        (JPEG, "inline"),
        (GIF, "inline"),
        (WEBP, "inline"),
        (PDF, "inline"),
        (TEXT, "attachment"),
        (ZIP, "attachment"),
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        (ANY, "attachment"),
    ],
)
def test_only_pictures_and_pdf_are_shown_in_the_browser(kind: str, way: str) -> None:
    assert files.disposition(kind, "a") == f'{way}; filename="a"'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Screen shot (1).png", 'inline; filename="Screen shot (1).png"'),
        (
            "фото.png",
            "inline; filename=\"____.png\"; filename*=UTF-8''%D1%84%D0%BE%D1%82%D0%BE.png",
        ),
        ("100%.png", "inline; filename=\"100_.png\"; filename*=UTF-8''100%25.png"),
        ('a"\\\r\n.png', "inline; filename=\"a____.png\"; filename*=UTF-8''a%22%5C%0D%0A.png"),
    ],
)
def test_a_name_is_told_to_old_and_new_browsers(name: str, said: str) -> None:
    assert files.disposition(PNG, name) == said


def test_a_file_can_do_nothing_where_it_is_shown() -> None:
    headers = files.headers(TEXT, "a.txt")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"].split("; ")
    assert policy == ["default-src 'none'", "sandbox", "frame-ancestors 'none'"]


def test_a_picture_shows_in_a_page_of_any_origin() -> None:
    headers = files.headers(PNG, "a.png")
    assert headers["Content-Type"] == "image/png"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cache-Control"].startswith("private, max-age=")


@pytest.mark.parametrize("kind", [PNG, JPEG, GIF, WEBP, PDF, TEXT, ZIP])
def test_every_default_type_has_a_name_for_people(kind: str) -> None:
    assert kind in ALLOWED
    assert files.IN_WORDS[kind]


Maker = Callable[[int, int], bytes]


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (PNG, png),
        (JPEG, jpeg),
        (GIF, gif),
        (WEBP, webp_lossy),
        (WEBP, webp_lossless),
        (WEBP, webp_extended),
    ],
)
def test_the_size_of_a_picture_is_read_from_it(kind: str, make: Maker) -> None:
    assert checked(make(15_000, 13_000), kind) == kind
    with pytest.raises(FileInvalid):
        checked(make(15_000, 13_000 + 400), kind)
