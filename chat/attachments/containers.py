"""Detects the types of a file by its bytes: every valid name, the likeliest first."""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from .boxes import big, find_handlers
from .media_types import (
    AAC,
    AMR,
    APK,
    AUDIO_3GPP,
    AVIF,
    BMP,
    DOC,
    DOCX,
    EPUB,
    FLAC,
    GIF,
    GZIP,
    HEIC,
    HEIF,
    JAR,
    JPEG,
    MATROSKA,
    MP3,
    MP4,
    MP4_AUDIO,
    ODF,
    OGG_AUDIO,
    OGG_VIDEO,
    OUTLOOK,
    PDF,
    PNG,
    PPT,
    PPTX,
    QUICKTIME,
    RAR,
    RTF,
    SEVEN_ZIP,
    TIFF,
    VIDEO_3GPP,
    WAV,
    WEBM,
    WEBM_AUDIO,
    WEBP,
    XLS,
    XLSX,
    ZIP,
)

MAX_ENTRIES = 4_096  # names of an archive that are read
TRACK_HEADER_SIZE = 1 << 20  # bytes in which a Matroska file describes its tracks


class Recognized(Struct, frozen=True):
    """The types that fit some bytes, and other types that browsers declare for them."""

    names: tuple[str, ...] = ()
    mistaken_for: tuple[str, ...] = ()


def recognize(data: bytes) -> Recognized:
    """Return the types of the bytes; none if nothing is recognized, as for texts."""
    for signature, find in _SIGNATURES:
        if signature.match(data):
            found = find if isinstance(find, Recognized) else find(data)
            if found.names:
                return found
    return Recognized()


# ---------------------------------------------------------------- ISO base media files

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1", b"miaf"}
_AVIF_BRANDS = {b"avif", b"avis"}
_AUDIO_BRANDS = {b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "}
_OTHER_BRANDS = {b"crx ", b"jp2 ", b"jpx ", b"jpm ", b"mjp2"}  # pictures of other kinds
_MP4_BRAND = re.compile(
    rb"iso.|mp4[12v]|avc1|M4[ABV].|dash|MSNV|F4V |mmp4|cmf.|dby1|msd.|hvc1|hev1|av01|XAVC|ND.."
)
_MOVIE_TYPES = (MP4, QUICKTIME, VIDEO_3GPP)
_AUDIO_TYPES = (MP4_AUDIO, AUDIO_3GPP)


def _recognize_iso_media(data: bytes) -> Recognized:
    """Recognize by the brands of the first box, then by whether there is a video track."""
    end = min(big(data[:4]), 4_096, len(data))
    major = data[8:12]
    brands = {major, *(data[at : at + 4] for at in range(16, end - 3, 4))}
    if major in _OTHER_BRANDS:
        return Recognized()
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS and brands & _AVIF_BRANDS):
        return Recognized((AVIF,), (HEIF,))
    if major in _HEIC_BRANDS or (major in _HEIF_BRANDS and brands & _HEIC_BRANDS):
        return Recognized((HEIC, HEIF))
    if major in _HEIF_BRANDS:
        return Recognized((HEIF,), (HEIC,))
    return _recognize_movie(data, major, brands)


def _recognize_movie(data: bytes, major: bytes, brands: set[bytes]) -> Recognized:
    if major in _AUDIO_BRANDS:
        return Recognized((MP4_AUDIO,), (MP4,))
    handlers = find_handlers(data)
    is_sound = b"soun" in handlers and b"vide" not in handlers
    if major[:2] == b"3g":
        return (
            Recognized((AUDIO_3GPP,), (VIDEO_3GPP, *_AUDIO_TYPES))
            if is_sound
            else _movie(VIDEO_3GPP)
        )
    if major == b"qt  ":
        return Recognized((MP4_AUDIO,), _MOVIE_TYPES) if is_sound else _movie(QUICKTIME)
    if not any(map(_MP4_BRAND.fullmatch, brands)):
        return Recognized()
    return Recognized((MP4_AUDIO,), (*_MOVIE_TYPES, *_AUDIO_TYPES)) if is_sound else _movie(MP4)


def _movie(name: str) -> Recognized:
    """Return a video type; browsers declare the other two, since they ignore the brand."""
    return Recognized((name,), tuple(other for other in _MOVIE_TYPES if other != name))


# ---------------------------------------------------------------- Matroska and Ogg

_TRACKS, _CLUSTER = b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"
_VIDEO_CODEC = re.compile(rb"\x86[\x80-\xff]V_")
_AUDIO_CODEC = re.compile(rb"\x86[\x80-\xff]A_")


def _recognize_matroska(data: bytes) -> Recognized:
    """Recognize WebM without a video track as audio; without any track it may be either."""
    at = data.find(b"\x42\x82", 0, 256)  # the name of the document's type
    is_webm = at >= 0 and data[at + 3 : at + 7] == b"webm"
    if not is_webm:
        return Recognized((MATROSKA,), (WEBM,))
    start = max(data.find(_TRACKS, 0, TRACK_HEADER_SIZE), 0)
    end = data.find(_CLUSTER, start, start + TRACK_HEADER_SIZE)
    described = data[start : start + TRACK_HEADER_SIZE if end < 0 else end]
    if _VIDEO_CODEC.search(described):
        return Recognized((WEBM,))
    if _AUDIO_CODEC.search(described):
        return Recognized((WEBM_AUDIO,), (WEBM,))
    return Recognized((WEBM, WEBM_AUDIO))


def _recognize_ogg(data: bytes) -> Recognized:
    if b"\x80theora" in data[:4_096]:
        return Recognized((OGG_VIDEO,), (OGG_AUDIO,))
    return Recognized((OGG_AUDIO,), (OGG_VIDEO,))


# ---------------------------------------------------------------- archives and office documents

_ODF_TYPE = re.compile(rb"application/[a-z0-9.+-]{1,80}")
_OOXML_FOLDERS = (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX))


def _recognize_zip(data: bytes) -> Recognized:
    """Recognize an archive by the names in its directory; it is always a ZIP archive, too."""
    names = list(_zip_names(data))
    kind = _odf_type(data) or _ooxml_type(names)
    if kind is None and "AndroidManifest.xml" in names:
        kind = APK
    if kind is None and "META-INF/MANIFEST.MF" in names:
        kind = JAR
    return Recognized((ZIP,) if kind is None else (kind, ZIP))


def is_whole_archive(data: bytes) -> bool:
    """Return whether the directory at the end of the archive exists."""
    return _find_directory(data) >= 0


def _find_directory(data: bytes) -> int:
    return data.rfind(b"PK\x05\x06", -(22 + 0xFFFF))


def _ooxml_type(names: list[str]) -> str | None:
    """Return the type of an Office document; None for other files and documents with macros."""
    if "[Content_Types].xml" not in names or any(n.endswith("vbaProject.bin") for n in names):
        return None
    return next((k for folder, k in _OOXML_FOLDERS if any(map(_starts(folder), names))), None)


def _starts(folder: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(folder)


def _odf_type(data: bytes) -> str | None:
    """Return the type in the uncompressed first entry, `mimetype` (OpenDocument 1.3, 3.3)."""
    if data[30:38] != b"mimetype":
        return None
    start = 38 + int.from_bytes(data[28:30], "little")
    found = _ODF_TYPE.match(data, start)
    name = found[0].decode() if found else ""
    return name if name == EPUB or name.startswith(ODF) else None


def _zip_names(data: bytes) -> Iterator[str]:
    """Yield the names of the first entries in the archive's directory."""
    end = _find_directory(data)
    at = int.from_bytes(data[end + 16 : end + 20], "little") if end >= 0 else len(data)
    for _ in range(MAX_ENTRIES):
        entry = data[at : at + 46]
        if entry[:4] != b"PK\x01\x02" or len(entry) < 46:
            return
        length, extra, comment = (int.from_bytes(entry[i : i + 2], "little") for i in (28, 30, 32))
        yield data[at + 46 : at + 46 + length].decode("utf-8", "replace")
        at += 46 + length + extra + comment


# The streams of a compound file (MS-CFB), by their names in its directory.
_OLE_STREAMS = (
    ("WordDocument", (DOC,)),
    ("PowerPoint Document", (PPT,)),
    ("Workbook", (XLS,)),
    ("Book", (XLS,)),
    ("__properties_version1.0", (OUTLOOK,)),
    ("EncryptedPackage", (DOCX, XLSX, PPTX)),  # a newer document with a password
)


def _recognize_ole(data: bytes) -> Recognized:
    found: dict[str, None] = {}
    for stream, kinds in _OLE_STREAMS:
        if _ole_name(stream) in data:
            found.update(dict.fromkeys(kinds))
    return Recognized(tuple(found))


def _ole_name(stream: str) -> bytes:
    """Return a name as a directory stores it, with the NUL at its end."""
    return (stream + "\0").encode("utf-16-le")


# ---------------------------------------------------------------- signatures

_RIFF_WEBP = rb"RIFF.{4}WEBP"
_MPEG_FRAME = rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd][\x10-\xef]"  # layers III and II, a bit rate
_SIGNATURES: tuple[tuple[re.Pattern[bytes], Recognized | Callable[[bytes], Recognized]], ...] = (
    tuple(
        (re.compile(pattern, re.DOTALL), find)
        for pattern, find in (
            (rb"\x89PNG\r\n\x1a\n", Recognized((PNG,))),
            (rb"\xff\xd8\xff", Recognized((JPEG,))),
            (rb"GIF8[79]a", Recognized((GIF,))),
            (_RIFF_WEBP, Recognized((WEBP,))),
            (rb"\s{0,64}%PDF-\d\.\d", Recognized((PDF,))),
            (rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", _recognize_zip),
            (rb"\0...ftyp", _recognize_iso_media),
            (rb"\0...(?:moov|mdat|wide|free|skip|pnot)", _movie(QUICKTIME)),
            (rb"\x1a\x45\xdf\xa3", _recognize_matroska),
            (rb"OggS", _recognize_ogg),
            (rb"ID3[\x02-\x04]", Recognized((MP3,), (AAC,))),
            (rb"\xff[\xf0\xf1\xf8\xf9][\x00-\xff]{5}", Recognized((AAC,), (MP3, MP4_AUDIO))),
            (_MPEG_FRAME, Recognized((MP3,), (AAC,))),
            (rb"RIFF.{4}WAVE", Recognized((WAV,))),
            (rb"#!AMR", Recognized((AMR,), (AUDIO_3GPP,))),
            (rb"fLaC", Recognized((FLAC,))),
            (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _recognize_ole),
            (rb"\{\\rtf[0-9\\ {}\r\n]", Recognized((RTF,), (DOC,))),
            (rb"BM.{4}\0\0\0\0.{4}[\x0c-\x7c]\0\0\0", Recognized((BMP,))),
            (rb"II\*\0|MM\0\*", Recognized((TIFF,))),
            (rb"\x1f\x8b\x08", Recognized((GZIP,))),
            (rb"7z\xbc\xaf\x27\x1c", Recognized((SEVEN_ZIP,))),
            (rb"Rar!\x1a\x07", Recognized((RAR,))),
        )
    )
)
