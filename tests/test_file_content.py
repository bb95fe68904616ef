"""The bytes of files are looked at: what they are, and whether they may be sent."""

import asyncio
import base64
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roomcast.chat.attachments import content
from roomcast.chat.attachments import media_types as kinds
from roomcast.chat.attachments.checks import FileChecks
from roomcast.chat.attachments.content import (
    MAGIC_TYPES,
    Checked,
    Policy,
    check,
    check_declared,
    decode,
    unpack,
)
from roomcast.chat.attachments.media_types import (
    ANY,
    GIF,
    JPEG,
    PDF,
    PNG,
    TEXT,
    WEBP,
    ZIP,
    label_of,
)
from roomcast.protocol.errors import FileInvalid, FileTooLarge, FileType, Refusal
from roomcast.settings import AttachmentSettings
from roomcast.store import time_slices

from . import made_files as made

MIB = 1 << 20
ALLOWED = AttachmentSettings().types
POLICY = Policy(ALLOWED, 10 * MIB)

REAL = [
    pytest.param(PNG, made.png(), id="png"),
    pytest.param(PNG, made.png(before=made.chunk(b"tEXt", b"Title\0x") * 5), id="png-with-texts"),
    pytest.param(PNG, made.png(8_000, 5_000), id="png-of-40-megapixels"),
    pytest.param(JPEG, made.jpeg(), id="jpeg"),
    pytest.param(JPEG, made.jpeg(frame=0xC2), id="jpeg-progressive"),
    pytest.param(GIF, made.gif(), id="gif"),
    pytest.param(GIF, b"GIF87a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\0;", id="gif-without-palette"),
    pytest.param(WEBP, made.webp_lossy(), id="webp-lossy"),
    pytest.param(WEBP, made.webp_lossless(), id="webp-lossless"),
    pytest.param(WEBP, made.webp_extended(), id="webp-extended"),
    pytest.param(PDF, made.A_PDF, id="pdf"),
    pytest.param(PDF, b"\r\n" + made.A_PDF, id="pdf-after-a-blank-line"),
    pytest.param(TEXT, b"hello\n", id="text"),
    pytest.param(TEXT, "Привіт 👍\r\n\tщо\f".encode(), id="text-unicode"),
    pytest.param(TEXT, "\ufeffПривіт".encode(), id="text-bom"),
    pytest.param(TEXT, "Привіт".encode("utf-16"), id="text-utf16"),
    pytest.param(TEXT, "\ufeffПривіт 👍".encode("utf-16-be"), id="text-utf16-be"),
    pytest.param(TEXT, "👍".encode() * 100_001, id="text-cut-anywhere"),
    pytest.param(ZIP, made.archive(a="b"), id="zip"),
    pytest.param(ZIP, made.archive(), id="zip-empty"),
    pytest.param(ZIP, made.A_JAR, id="jar"),
    pytest.param(kinds.HEIC, made.heif(), id="heic"),
    pytest.param(kinds.HEIC, made.heif(b"heix"), id="heic-10-bit"),
    pytest.param(kinds.HEIC, made.heif(b"mif1", b"mif1", b"heic"), id="heic-by-another-brand"),
    pytest.param(kinds.HEIF, made.heif(b"mif1", b"mif1"), id="heif"),
    pytest.param(kinds.AVIF, made.heif(b"avif"), id="avif"),
    pytest.param(kinds.MP4, made.movie(b"isom", b"vide", b"soun"), id="mp4"),
    pytest.param(kinds.MP4, made.movie(b"mp42", b"vide"), id="mp4-silent"),
    pytest.param(kinds.MP4, made.AN_MP4, id="mp4-without-a-description"),
    pytest.param(kinds.QUICKTIME, made.movie(b"qt  ", b"soun", b"vide"), id="mov"),
    pytest.param(kinds.QUICKTIME, made.box(b"wide") + made.box(b"mdat", b"x"), id="mov-old"),
    pytest.param(kinds.VIDEO_3GPP, made.movie(b"3gp5", b"vide"), id="3gp"),
    pytest.param(kinds.WEBM, made.webm(b"V_VP9", b"A_OPUS"), id="webm"),
    pytest.param(kinds.WEBM_AUDIO, made.webm(b"A_OPUS"), id="webm-of-a-voice"),
    pytest.param(kinds.MP4_AUDIO, made.movie(b"M4A ", b"soun"), id="m4a"),
    pytest.param(kinds.MP4_AUDIO, made.movie(b"isom", b"soun"), id="mp4-of-a-voice"),
    pytest.param(kinds.AUDIO_3GPP, made.movie(b"3gp4", b"soun"), id="3gp-of-a-voice"),
    pytest.param(kinds.OGG_AUDIO, made.ogg(), id="ogg"),
    pytest.param(kinds.OGG_AUDIO, made.ogg(b"\x01vorbis"), id="ogg-vorbis"),
    pytest.param(kinds.MP3, made.AN_MP3, id="mp3"),
    pytest.param(kinds.MP3, made.A_BARE_MP3, id="mp3-without-a-title"),
    pytest.param(kinds.AAC, made.AN_AAC, id="aac"),
    pytest.param(kinds.AMR, made.AN_AMR, id="amr"),
    pytest.param(kinds.FLAC, made.A_FLAC, id="flac"),
    pytest.param(kinds.WAV, made.A_WAV, id="wav"),
    pytest.param(kinds.DOC, made.ole("WordDocument"), id="doc"),
    pytest.param(kinds.XLS, made.ole("Workbook"), id="xls"),
    pytest.param(kinds.XLS, made.ole("Book"), id="xls-of-1995"),
    pytest.param(kinds.PPT, made.ole("PowerPoint Document"), id="ppt"),
    pytest.param(kinds.DOCX, made.A_DOCX, id="docx"),
    pytest.param(kinds.XLSX, made.ooxml("xl"), id="xlsx"),
    pytest.param(kinds.PPTX, made.ooxml("ppt"), id="pptx"),
    pytest.param(kinds.ODT, made.odf(kinds.ODT), id="odt"),
    pytest.param(kinds.ODS, made.odf(kinds.ODS), id="ods"),
    pytest.param(kinds.ODP, made.odf(kinds.ODP), id="odp"),
    pytest.param(kinds.RTF, made.AN_RTF, id="rtf"),
    pytest.param(TEXT, "grüß dich".encode("cp1252"), id="text-of-windows"),
    pytest.param(TEXT, made.RUSSIAN_1251, id="text-of-russian-windows"),
    pytest.param(TEXT, "\ufeffa;b".encode("utf-16-le"), id="text-utf16-le"),
    pytest.param(kinds.VCARD, made.A_VCARD, id="contact"),
    pytest.param(kinds.CALENDAR, made.A_CALENDAR, id="appointment"),
]
# What may be declared as something else that it truly is as well.
ALSO = {
    kinds.HEIC: {kinds.HEIF},
    **{
        kind: {ZIP}
        for kind in (kinds.DOCX, kinds.XLSX, kinds.PPTX, kinds.ODT, kinds.ODS, kinds.ODP)
    },
}
TEXTS = {TEXT, kinds.CSV, kinds.MARKDOWN, kinds.VCARD, kinds.CALENDAR}

BROKEN = [
    pytest.param(PNG, b"\x89PNG\r\n\x1a\n" + made.NOISE, id="png-magic-and-noise"),
    pytest.param(PNG, b"\x89PNG\r\n\x1a\n", id="png-magic-alone"),
    pytest.param(PNG, made.png()[:33] + made.NOISE, id="png-header-and-noise"),
    pytest.param(PNG, made.png()[:33], id="png-header-alone"),
    pytest.param(PNG, made.png().replace(b"IHDR\0", b"IHDR\1"), id="png-wrong-checksum"),
    pytest.param(PNG, made.png(before=made.chunk(b"tEXt", b"") * 1001), id="png-endless-texts"),
    pytest.param(PNG, made.png(0, 1), id="png-no-width"),
    pytest.param(JPEG, b"\xff\xd8\xff\xe0" + made.NOISE, id="jpeg-magic-and-noise"),
    pytest.param(JPEG, b"\xff\xd8\xff", id="jpeg-magic-alone"),
    pytest.param(JPEG, b"\xff\xd8\xff\xe0\0\0" + bytes(100), id="jpeg-segment-of-nothing"),
    pytest.param(JPEG, b"\xff\xd8" + made.segment(0xE0, b"JFIF\0") * 1001, id="jpeg-endless"),
    pytest.param(JPEG, b"\xff\xd8\xff\xe0\0\4ab" + made.NOISE, id="jpeg-segment-and-noise"),
    pytest.param(JPEG, made.jpeg(1, 0), id="jpeg-no-height"),
    pytest.param(GIF, b"GIF89a" + made.NOISE, id="gif-magic-and-noise"),
    pytest.param(GIF, b"GIF89a\1", id="gif-magic-alone"),
    pytest.param(GIF, made.gif()[:19] + b"!\xfe\0" * 1001, id="gif-endless-comments"),
    pytest.param(GIF, made.gif()[:19] + b"!\xfe" + b"\1x" * 100_001, id="gif-endless-comment"),
    pytest.param(WEBP, b"RIFF\x20\0\0\0WEBP" + made.NOISE, id="webp-magic-and-noise"),
    pytest.param(WEBP, made.webp_lossy()[:-1], id="webp-cut"),
    pytest.param(WEBP, made.webp_lossy(0, 5), id="webp-no-width"),
    pytest.param(ZIP, b"PK\3\4" + made.NOISE, id="zip-magic-and-noise"),
    pytest.param(ZIP, made.archive(a="b" * 100)[:-30], id="zip-cut"),
]


def checked(
    data: bytes,
    content_type: str,
    size: int | None = None,
    max_size: int = 10 * MIB,
    allowed: Sequence[str] = ALLOWED,
) -> str:
    return check(data, content_type, size, Policy(allowed, max_size)).content_type


# ---------------------------------------------------------------- what the bytes are


@pytest.mark.parametrize(("kind", "data"), REAL)
def test_a_real_file_is_what_it_says(kind: str, data: bytes) -> None:
    assert checked(data, kind) == kind


@pytest.mark.parametrize(("kind", "data"), REAL)
def test_under_octet_stream_the_bytes_decide(kind: str, data: bytes) -> None:
    assert checked(data, ANY) == kind


@pytest.mark.parametrize("declared", [PNG, PDF, ZIP, kinds.DOC, kinds.DOCX, TEXT, kinds.MP3])
@pytest.mark.parametrize(("kind", "data"), REAL)
def test_a_file_passes_under_no_type_but_its_own(declared: str, kind: str, data: bytes) -> None:
    is_text = kind in {*TEXTS, kinds.RTF}
    if declared in {kind, *ALSO.get(kind, ())} or (is_text and declared in TEXTS):
        assert checked(data, declared) == declared
    elif (kind, declared) not in {(kinds.AAC, kinds.MP3), (kinds.RTF, kinds.DOC)}:
        with pytest.raises(FileInvalid, match="The file is no"):
            checked(data, declared)


@pytest.mark.parametrize(
    ("declared", "data", "kind"),
    [
        (kinds.MP4, made.movie(b"qt  ", b"vide"), kinds.QUICKTIME),
        (kinds.QUICKTIME, made.movie(b"isom", b"vide"), kinds.MP4),
        (kinds.MP4, made.movie(b"isom", b"soun"), kinds.MP4_AUDIO),
        (kinds.WEBM, made.webm(b"A_OPUS"), kinds.WEBM_AUDIO),
        (kinds.OGG_VIDEO, made.ogg(), kinds.OGG_AUDIO),
        (kinds.HEIC, made.heif(b"mif1", b"mif1"), kinds.HEIF),
        (kinds.HEIF, made.heif(), kinds.HEIF),
        (kinds.XLS, made.WINDOWS_CSV, kinds.CSV),
        (kinds.XLS, b"a,b\r\n1,2\r\n", kinds.CSV),
        (kinds.DOC, made.AN_RTF, kinds.RTF),
        (kinds.DOCX, made.ole("EncryptedPackage"), kinds.DOCX),
        (kinds.XLSX, made.ole("EncryptedPackage"), kinds.XLSX),
    ],
)
def test_what_programs_take_a_file_for_by_its_extension_is_put_right(
    declared: str, data: bytes, kind: str
) -> None:
    assert checked(data, declared, allowed=[*ALLOWED, kinds.OGG_VIDEO]) == kind


@pytest.mark.parametrize(
    ("declared", "data"),
    [
        (kinds.WEBM_AUDIO, made.webm(b"V_VP8", b"A_OPUS")),
        (kinds.MP4_AUDIO, made.movie(b"isom", b"vide")),
        (kinds.MP4, made.heif()),
        (kinds.HEIC, made.movie(b"isom", b"vide")),
        (kinds.HEIC, made.heif(b"avif")),
        (kinds.WEBM, made.webm(b"V_VP9", kind=b"matroska")[:4] + bytes(20)),
        (kinds.DOC, made.ole("Workbook")),
        (kinds.XLS, made.ole("Something else")),
        (kinds.DOCX, made.ooxml("word", "word/vbaProject.bin")),
        (kinds.DOCX, made.archive(a="b")),
        (kinds.ODT, made.odf(kinds.ODS)),
        (kinds.XLS, made.png()),
        (kinds.MP4, made.box(b"ftyp", b"crx ", bytes(4), b"crx ", b"isom")),
    ],
)
def test_what_only_looks_alike_is_refused(declared: str, data: bytes) -> None:
    with pytest.raises(FileInvalid, match="The file is no"):
        checked(data, declared)


@pytest.mark.parametrize(
    ("data", "kind"),
    [(made.A_VCARD, kinds.VCARD), (made.AN_RTF, kinds.RTF), (made.A_DOCX, kinds.DOCX)],
)
def test_what_is_not_on_the_list_by_its_own_name_may_be_by_another(data: bytes, kind: str) -> None:
    assert checked(data, ANY) == kind
    other = ZIP if kind == kinds.DOCX else TEXT
    if kind != kinds.RTF:
        assert checked(data, ANY, allowed=[other]) == other
    with pytest.raises(FileType):
        checked(data, ANY, allowed=[PNG])


@pytest.mark.parametrize(("kind", "data"), BROKEN)
@pytest.mark.parametrize("as_any", [False, True])
def test_a_picture_that_is_none_is_refused(kind: str, data: bytes, as_any: bool) -> None:
    with pytest.raises(FileInvalid, match="damaged"):
        checked(data, ANY if as_any else kind)


BINARIES = [made.EXE, made.NOISE, made.JPEG_2000, made.PLY, made.PKLITE]
DISGUISED = [made.HTML, made.SVG, made.XML_SVG, made.SCRIPT, *BINARIES]


@pytest.mark.parametrize("data", DISGUISED)
@pytest.mark.parametrize("declared", [PNG, JPEG, GIF, WEBP, PDF, ZIP])
def test_nothing_else_passes_as_a_picture_a_document_or_an_archive(
    declared: str, data: bytes
) -> None:
    with pytest.raises(FileInvalid, match=f"The file is no {label_of(declared)}"):
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
    ],
)
def test_under_octet_stream_what_is_not_on_the_list_is_refused(data: bytes) -> None:
    with pytest.raises(
        FileType,
        match="only: pictures, video, audio, PDF document, office",
    ):
        checked(data, ANY)


@pytest.mark.parametrize(
    "data", [made.HTML, made.SVG, made.XML_SVG, made.SCRIPT, b"a < b", b"<3", b"GIF89a is old"]
)
def test_any_text_may_be_sent_as_plain_text(data: bytes) -> None:
    assert checked(data, TEXT) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        b"\x1b[31mred",
        b"\x7f",
        b"\xff\xfea",
        b"\xff\xfe\0\0",
        "a\0".encode("utf-16"),
        made.A_PDF,
        made.AN_ASCII_PDF,
        *BINARIES,
    ],
)
def test_what_is_no_text_is_not_sent_as_plain_text(data: bytes) -> None:
    with pytest.raises(FileInvalid, match="no plain text"):
        checked(data, TEXT)


@pytest.mark.parametrize("data", [b"IRC: <ada> hi", b"1 < 2", b'{"a": 1}', b"a,b\n1,2\n"])
def test_under_octet_stream_a_text_without_markup_is_plain_text(data: bytes) -> None:
    assert checked(data, ANY) == TEXT


@pytest.mark.parametrize(
    ("spelled", "data", "kind"),
    [
        ("text/plain; charset=utf-8", b"hi", TEXT),
        (" Text/PLAIN ;charset=x", b"hi", TEXT),
        ("IMAGE/PNG", made.png(), PNG),
        ("image/jpg", made.jpeg(), JPEG),
        ("image/pjpeg", made.jpeg(), JPEG),
        ("application/x-zip-compressed", made.archive(a="b"), ZIP),
        ("application/octet-stream;x=y", made.png(), PNG),
    ],
)
def test_other_spellings_of_a_type_are_known(spelled: str, data: bytes, kind: str) -> None:
    assert checked(data, spelled) == kind


@pytest.mark.parametrize(
    "declared",
    ["text/html", "image/svg+xml", "application/x-sh", "", "x", "png", "image/png\r\nX: y", "*/*"],
)
def test_a_type_outside_the_list_is_refused_whatever_the_bytes(declared: str) -> None:
    assert checked(made.png(), PNG) == PNG
    with pytest.raises(FileType, match="not accepted"):
        checked(made.png(), declared)


@pytest.mark.parametrize("declared", ["application/x-7z-compressed", ANY])
def test_a_site_may_allow_other_types(declared: str) -> None:
    data = b"7z\xbc\xaf\x27\x1c" + bytes(50)
    assert checked(data, declared, allowed=[kinds.SEVEN_ZIP]) == kinds.SEVEN_ZIP


def test_a_type_known_by_its_magic_number_alone_is_looked_at_too() -> None:
    data = b"wOF2" + bytes(60)
    assert checked(data, "font/woff2", allowed=["font/woff2"]) == "font/woff2"
    with pytest.raises(FileInvalid, match="The file is no font/woff2"):
        checked(made.EXE, "font/woff2", allowed=["font/woff2"])


@pytest.mark.parametrize("data", [made.EXE, made.HTML, made.NOISE])
def test_a_site_may_allow_anything(data: bytes) -> None:
    assert checked(data, ANY, allowed=[*ALLOWED, ANY]) == ANY


@pytest.mark.parametrize("make", [made.png, made.jpeg, made.gif, made.webp_extended])
def test_a_picture_of_more_pixels_than_the_setting_is_refused(
    make: Callable[[int, int], bytes],
) -> None:
    data = make(10_000, 4_000)
    assert check(data, ANY, len(data), POLICY).pixels == 40_000_000
    with pytest.raises(FileInvalid, match=r"may have 40 megapixels together, these have 40\.01"):
        checked(make(10_000, 4_001), ANY)
    assert check(make(10_000, 4_001), ANY, None, Policy(ALLOWED, MIB, 50_000_000)).height == 4_001


def test_a_picture_of_the_iphone_is_measured() -> None:
    data = made.heif(size=(8_064, 6_048))
    with pytest.raises(FileInvalid, match=r"these have 48\.77"):
        checked(data, kinds.HEIC)


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
        check_declared(PNG, 10 * MIB + 1, POLICY)
    assert check_declared(PNG, 10 * MIB, POLICY) == PNG


def test_an_upload_of_any_bytes_may_be_announced() -> None:
    assert check_declared(ANY, 5, POLICY) == ANY


@pytest.mark.parametrize(
    ("declared", "size", "refusal"),
    [("text/html", 5, FileType), (PNG, 11, FileTooLarge), (PNG, 0, FileInvalid)],
)
def test_an_upload_that_will_be_refused_is_refused_at_once(
    declared: str, size: int, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        check_declared(declared, size, Policy(ALLOWED, 10))


# ---------------------------------------------------------------- base64


@pytest.mark.parametrize(
    "head", ["", "data:image/png;base64,", "data:;base64,", "DATA:text/plain;charset=utf-8;BASE64,"]
)
@pytest.mark.parametrize("data", [b"a", b"ab", b"abc", made.NOISE, b"\xff" * 600_000])
def test_base64_comes_with_and_without_its_head(head: str, data: bytes) -> None:
    assert decode(head + base64.b64encode(data).decode()) == data


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
        decode(data)


@given(st.binary(max_size=300), st.sampled_from(["", "data:a/b;base64,"]))
def test_decoding_gives_back_every_byte(data: bytes, head: str) -> None:
    assert decode(head + base64.b64encode(data).decode()) == data


@given(st.text(max_size=40) | st.text("QUJDR=+/", max_size=12))
def test_what_is_decoded_is_the_base64_of_something(text: str) -> None:
    try:
        data = decode(text)
    except FileInvalid:
        return
    again = base64.b64encode(data).decode()
    assert len(again) == len(text.rpartition(",")[2])


def test_a_file_is_unpacked_and_checked_in_one_go() -> None:
    data = "data:image/png;base64," + base64.b64encode(made.png()).decode()
    size = len(made.png())
    assert unpack(data, "image/PNG", size, POLICY) == Checked(made.png(), PNG, 1, 1)


@pytest.mark.parametrize(
    ("declared", "size", "refusal"), [("text/html", 5, FileType), (PNG, 11, FileTooLarge)]
)
def test_what_is_refused_by_its_announcement_is_not_decoded(
    declared: str, size: int, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        unpack("no base64!", declared, size, Policy(ALLOWED, 10))


# ---------------------------------------------------------------- the table is the documentation

DOCUMENT = Path(__file__).parent.parent / "docs/files.md"
TABLE = re.findall(
    r"^\| `(\S+/\S+)` \| (.+) \| (.+) \| (yes|no) \|$", DOCUMENT.read_text(), re.MULTILINE
)


def test_every_type_is_in_the_documents_table() -> None:
    assert [(kind, label, default == "yes") for kind, label, _, default in TABLE] == [
        (kind.content_type, kind.label, kind.is_default) for kind in kinds.KINDS
    ]
    for kind, _, extensions, _ in TABLE:
        if kind != TEXT:
            assert tuple(re.findall("`([^`]+)`", extensions)) == kinds.BY_TYPE[kind].extensions


def test_the_defaults_are_those_of_the_table() -> None:
    assert sorted(ALLOWED) == sorted(kind for kind, _, _, default in TABLE if default == "yes")
    assert not {"text/html", "image/svg+xml"} & set(ALLOWED)


SENT = {kind for kind, _ in (case.values for case in REAL)}
OTHERS = {
    kinds.BMP: made.A_BMP,
    kinds.TIFF: b"II*\0" + bytes(40),
    kinds.MATROSKA: made.webm(b"V_VP9", kind=b"matroska"),
    kinds.OGG_VIDEO: made.ogg(b"\x80theora"),
    kinds.CSV: made.WINDOWS_CSV,
    kinds.MARKDOWN: b"# Title\n",
    kinds.JSON: b'{"a": 1}',
    kinds.EMAIL: made.AN_EMAIL,
    kinds.OUTLOOK: made.ole("__properties_version1.0"),
    kinds.GZIP: b"\x1f\x8b\x08" + bytes(40),
    kinds.SEVEN_ZIP: b"7z\xbc\xaf\x27\x1c" + bytes(40),
    kinds.RAR: b"Rar!\x1a\x07\x01\0" + bytes(40),
    kinds.EPUB: made.odf(kinds.EPUB),
    kinds.APK: made.archive(**{"AndroidManifest.xml": "x"}),
}


@pytest.mark.parametrize("kind", [kind for kind, *_ in TABLE])
def test_a_file_of_every_type_in_the_table_can_be_sent(kind: str) -> None:
    assert kind in SENT or checked(OTHERS[kind], kind, allowed=[kind]) == kind


@pytest.mark.parametrize("alias", kinds.ALIASES)
def test_every_alias_leads_to_a_type_in_the_table(alias: str) -> None:
    assert kinds.normalize_type(alias) in {*kinds.BY_TYPE, ANY}
    assert alias not in kinds.BY_TYPE


def test_a_listed_type_that_no_file_can_satisfy_is_found() -> None:
    listed = [*ALLOWED, "audio/x-m4a", "text/x-python", "font/woff2", "application/x-nobody-knows"]
    assert kinds.find_unknown(listed, MAGIC_TYPES) == ["application/x-nobody-knows"]


async def test_files_are_checked_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = most = 0

    def slow(data: bytes, kind: str, size: int | None, policy: Policy) -> Checked:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.005)  # in a thread
        at_once -= 1
        return check(data, kind, size, policy)

    monkeypatch.setattr(content, "check", slow)
    checks = FileChecks(AttachmentSettings())
    found = await asyncio.gather(*(checks.check(made.png(), PNG, None) for _ in range(5)))
    assert [one.content_type for one in found] == [PNG] * 5
    assert most == 1


def test_long_work_in_a_thread_lets_others_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time_slices.time, "sleep", pauses.append)
    monkeypatch.setattr(time_slices, "SLICE_DURATION", 0.0)
    check(b"A long story. " * 60_000, TEXT, None, POLICY)  # pieces of 256 KiB
    assert len(pauses) == 4
    assert min(pauses) > 0  # a sleep of 0 hands nothing over
