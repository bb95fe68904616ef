"""Small files of every kind that tests send, made byte by byte."""

import io
import struct
import zipfile
import zlib


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


A_DOCX = archive(**{"[Content_Types].xml": "<Types/>", "word/document.xml": "<w:document/>"})
A_JAR = archive(**{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n"})
A_PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<</Type/Catalog>>endobj\ntrailer<<>>\n%%EOF\n"
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
XML_SVG = b'\xef\xbb\xbf<?xml version="1.0"?>\n' + SVG
SCRIPT = b"#!/bin/sh\nrm -rf ~\n"
EXE = b"MZ\x90\0\3\0\0\0" + bytes(200)
AN_MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200)
NOISE = bytes(range(256)) * 4
AN_ASCII_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
# Binaries that lists of magic numbers take for a JPEG, a WEBP picture, a text and a ZIP archive.
JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200)
A_WAV = riff(b"fmt ", bytes(16)).replace(b"WEBP", b"WAVE")
PLY = bytes(50) + b"ply" + bytes(200)
PKLITE = b"MZ" + bytes(28) + b"PKLITE" + bytes(200)
RUSSIAN_1251 = "Обычный текст в старой кодировке".encode("cp1251")


# ---------------------------------------------------------------- ISO base media files


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def full_box(kind: bytes, version: int, *content: bytes, flags: int = 0) -> bytes:
    return box(kind, bytes((version,)) + flags.to_bytes(3, "big"), *content)


def ftyp(major: bytes, *others: bytes) -> bytes:
    return box(b"ftyp", major, bytes(4), *(others or (major,)))


def movie(major: bytes, *handlers: bytes, user_data: bytes = b"") -> bytes:
    """A video or a sound with a track for each handler (`vide`, `soun`)."""
    tracks = [
        box(b"trak", box(b"mdia", full_box(b"hdlr", 0, bytes(4), handler, bytes(12))))
        for handler in handlers
    ]
    return ftyp(major, b"isom") + box(b"moov", *tracks, user_data) + box(b"mdat", bytes(64))


def heif(
    major: bytes = b"heic",
    *compatible: bytes,
    size: tuple[int, int] = (4, 3),
    turns: int = 0,
    exif: bytes = b"",
    xmp: bytes = b"",
) -> bytes:
    """A picture whose first item is a grid of `size`, whose others are its metadata."""
    infos = [full_box(b"infe", 2, struct.pack(">HH4s", 1, 0, b"hvc1"), b"\0")]
    if exif:
        infos.append(full_box(b"infe", 2, struct.pack(">HH4s", 2, 0, b"Exif"), b"\0"))
    if xmp:
        kind = b"\0application/rdf+xml\0"
        infos.append(full_box(b"infe", 2, struct.pack(">HH4s", 3, 0, b"mime"), kind))
    properties = box(
        b"iprp",
        box(
            b"ipco",
            full_box(b"ispe", 0, struct.pack(">II", *size)),
            box(b"irot", bytes((turns,))),
            full_box(b"ispe", 0, struct.pack(">II", 1, 1)),  # of another item
        ),
        full_box(b"ipma", 0, struct.pack(">IHBBB", 1, 1, 2, 0x81, 0x82)),
    )

    def meta(start: int) -> bytes:
        items = [(1, start, 8)]
        if exif:
            items.append((2, start + 8, len(exif)))
        if xmp:
            items.append((3, start + 8 + len(exif), len(xmp)))
        located = struct.pack(">HH", 0x4400, len(items)) + b"".join(
            struct.pack(">HHHII", id_, 0, 1, at, length) for id_, at, length in items
        )
        return full_box(
            b"meta",
            0,
            full_box(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", 0, struct.pack(">H", 1)),
            full_box(b"iinf", 0, struct.pack(">H", len(infos)), *infos),
            full_box(b"iloc", 0, located),
            properties,
        )

    head = ftyp(major, *(compatible or (b"mif1", major)))
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", b"\x26pixels!", exif, xmp)


# ---------------------------------------------------------------- sound, video, documents


def webm(*codecs: bytes, kind: bytes = b"webm") -> bytes:
    """A file with a track for each codec (`V_VP9`, `A_OPUS`), as browsers record it."""
    header = b"\x42\x82" + bytes((0x80 | len(kind),)) + kind
    tracks = b"".join(
        b"\xae" + bytes((0x80 | len(c) + 2,)) + b"\x86" + bytes((0x80 | len(c),)) + c
        for c in codecs
    )
    described = b"\x16\x54\xae\x6b" + bytes((0x80 | len(tracks),)) + tracks
    segment_ = b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + described
    cluster = b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7 + bytes(40)
    return b"\x1a\x45\xdf\xa3" + bytes((0x80 | len(header),)) + header + segment_ + cluster


def ogg(codec: bytes = b"OpusHead") -> bytes:
    return b"OggS\0\x02" + bytes(20) + b"\x01\x13" + codec + bytes(20)


def ole(stream: str) -> bytes:
    """A compound file, as older Office programs write them, with a stream of this name."""
    entry = (stream + "\0").encode("utf-16-le").ljust(64, b"\0")
    root = "Root Entry\0".encode("utf-16-le").ljust(128, b"\0")
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + root + entry + bytes(64)


def ooxml(folder: str, *more: str) -> bytes:
    names = ["[Content_Types].xml", f"{folder}/document.xml", *more]
    return archive(**dict.fromkeys(names, "<x/>"))


def odf(kind: str) -> bytes:
    return archive(mimetype=kind, **{"content.xml": "<x/>"})


AN_MP3 = b"ID3\x03\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + bytes(100)
A_BARE_MP3 = b"\xff\xfb\x90\x64" + bytes(100)
AN_AAC = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(100)
AN_AMR = b"#!AMR\n" + bytes(100)
A_FLAC = b"fLaC\0\0\0\x22" + bytes(100)
AN_RTF = rb"{\rtf1\ansi Hello}"
A_VCARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nEND:VCARD\r\n"
A_CALENDAR = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
WINDOWS_CSV = "Größe;Preis\r\nMütze;5 €\r\n".encode("cp1252")
A_BMP = (
    b"BM"
    + struct.pack("<IIII", 58, 0, 54, 40)
    + struct.pack("<iiHHIIiiII", 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)
    + bytes(4)
)
AN_EMAIL = b"From: ada@example.com\r\nSubject: hi\r\n\r\nHello\r\n"
