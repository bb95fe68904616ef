"""The types of files: their names, their extensions, and which ones are accepted by default.

A test compares the table `KINDS` with docs/files.md.
"""

from collections.abc import Collection
from mimetypes import guess_all_extensions

from msgspec import Struct

PNG, JPEG, GIF, WEBP = "image/png", "image/jpeg", "image/gif", "image/webp"
HEIC, HEIF, AVIF, BMP, TIFF = "image/heic", "image/heif", "image/avif", "image/bmp", "image/tiff"
MP4, WEBM, QUICKTIME, VIDEO_3GPP = "video/mp4", "video/webm", "video/quicktime", "video/3gpp"
MATROSKA, OGG_VIDEO = "video/x-matroska", "video/ogg"
MP3, MP4_AUDIO, AAC, OGG_AUDIO = "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg"
WEBM_AUDIO, WAV, AMR = "audio/webm", "audio/wav", "audio/amr"
AUDIO_3GPP, FLAC = "audio/3gpp", "audio/flac"
PDF, RTF = "application/pdf", "application/rtf"
DOC, XLS, PPT = "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"
OOXML = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX = OOXML + "wordprocessingml.document", OOXML + "spreadsheetml.sheet"
PPTX = OOXML + "presentationml.presentation"
ODF = "application/vnd.oasis.opendocument."
ODT, ODS, ODP = ODF + "text", ODF + "spreadsheet", ODF + "presentation"
TEXT, CSV, MARKDOWN = "text/plain", "text/csv", "text/markdown"
VCARD, CALENDAR, EMAIL, JSON = "text/vcard", "text/calendar", "message/rfc822", "application/json"
ZIP, GZIP, SEVEN_ZIP, RAR = (
    "application/zip",
    "application/gzip",
    "application/x-7z-compressed",
    "application/vnd.rar",
)
EPUB, APK, JAR = (
    "application/epub+zip",
    "application/vnd.android.package-archive",
    "application/java-archive",
)
OUTLOOK = "application/vnd.ms-outlook"
ANY = "application/octet-stream"


class FileKind(Struct, frozen=True):
    """A content type that the server can recognize by the bytes of a file.

    The first of `extensions` completes a name; a name with any other extension gets it appended.
    """

    content_type: str
    label: str
    extensions: tuple[str, ...]
    is_default: bool = True


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# The extensions that a plain text may have: an editor opens these, nothing runs them.
TEXT_EXTENSIONS = _words(
    ".txt .text .log .md .markdown .csv .tsv .json .jsonl .ndjson .yaml .yml .toml .ini .cfg .conf "
    ".properties .srt .vtt .sub .rst .adoc .tex .bib .diff .patch .po .ics .vcf .eml .gpx .kml "
    ".geojson .c .h .cc .cpp .hpp .rs .go .java .kt .swift .ts .tsx .sql .css .scss .gitignore "
    ".dockerfile .env .lock .nfo .asc .pem .pub"
)
# The extensions that an archive may have; .jar and .xpi are missing, since they would be run.
ZIP_EXTENSIONS = _words(
    ".zip .docx .xlsx .pptx .odt .ods .odp .epub .kmz .cbz .pages .numbers .key .gz .zipx"
)

KINDS: tuple[FileKind, ...] = (
    FileKind(PNG, "PNG picture", (".png",)),
    FileKind(JPEG, "JPEG picture", (".jpg", ".jpeg")),
    FileKind(GIF, "GIF picture", (".gif",)),
    FileKind(WEBP, "WEBP picture", (".webp",)),
    FileKind(HEIC, "HEIC picture", (".heic", ".heif", ".hif")),
    FileKind(HEIF, "HEIF picture", (".heif", ".heic", ".hif")),
    FileKind(AVIF, "AVIF picture", (".avif",)),
    FileKind(BMP, "BMP picture", (".bmp",), is_default=False),
    FileKind(TIFF, "TIFF picture", (".tiff", ".tif"), is_default=False),
    FileKind(MP4, "MP4 video", (".mp4", ".m4v")),
    FileKind(WEBM, "WebM video", (".webm",)),
    FileKind(QUICKTIME, "QuickTime video", (".mov", ".qt")),
    FileKind(VIDEO_3GPP, "3GPP video", (".3gp", ".3gpp", ".3g2")),
    FileKind(MATROSKA, "Matroska video", (".mkv",), is_default=False),
    FileKind(OGG_VIDEO, "Ogg video", (".ogv", ".ogg"), is_default=False),
    FileKind(MP3, "MP3 audio", (".mp3",)),
    FileKind(MP4_AUDIO, "MP4 audio", (".m4a", ".mp4", ".m4b")),
    FileKind(AAC, "AAC audio", (".aac",)),
    FileKind(OGG_AUDIO, "Ogg audio", (".ogg", ".oga", ".opus")),
    FileKind(WEBM_AUDIO, "WebM audio", (".webm", ".weba")),
    FileKind(WAV, "WAV audio", (".wav",)),
    FileKind(AMR, "AMR audio", (".amr",)),
    FileKind(AUDIO_3GPP, "3GPP audio", (".3gp", ".3gpp")),
    FileKind(FLAC, "FLAC audio", (".flac",)),
    FileKind(PDF, "PDF document", (".pdf",)),
    FileKind(DOCX, "Word document", (".docx",)),
    FileKind(XLSX, "Excel workbook", (".xlsx",)),
    FileKind(PPTX, "PowerPoint presentation", (".pptx",)),
    FileKind(DOC, "Word 97 document", (".doc",)),
    FileKind(XLS, "Excel 97 workbook", (".xls", ".csv")),
    FileKind(PPT, "PowerPoint 97 presentation", (".ppt", ".pps")),
    FileKind(ODT, "OpenDocument text", (".odt",)),
    FileKind(ODS, "OpenDocument spreadsheet", (".ods",)),
    FileKind(ODP, "OpenDocument presentation", (".odp",)),
    FileKind(RTF, "RTF document", (".rtf",)),
    FileKind(TEXT, "plain text", TEXT_EXTENSIONS),
    FileKind(CSV, "CSV table", (".csv", ".tsv", ".txt")),
    FileKind(MARKDOWN, "Markdown text", (".md", ".markdown", ".txt")),
    FileKind(VCARD, "vCard contact", (".vcf",)),
    FileKind(CALENDAR, "iCalendar event", (".ics",)),
    FileKind(JSON, "JSON text", (".json",), is_default=False),
    FileKind(EMAIL, "e-mail", (".eml",), is_default=False),
    FileKind(OUTLOOK, "Outlook message", (".msg",), is_default=False),
    FileKind(ZIP, "ZIP archive", ZIP_EXTENSIONS),
    FileKind(GZIP, "gzip archive", (".gz", ".tgz"), is_default=False),
    FileKind(SEVEN_ZIP, "7z archive", (".7z",), is_default=False),
    FileKind(RAR, "RAR archive", (".rar",), is_default=False),
    FileKind(EPUB, "EPUB book", (".epub",), is_default=False),
    FileKind(APK, "Android package", (".apk",), is_default=False),
)
OFFICE_TYPES = frozenset((DOC, XLS, PPT, DOCX, XLSX, PPTX, ODT, ODS, ODP, RTF))
FAMILIES = {"image": "pictures", "video": "video", "audio": "audio", "text": "text"}
MAX_LABELS = 8  # in one sentence
BY_TYPE = {kind.content_type: kind for kind in KINDS}
DEFAULT_TYPES = tuple(kind.content_type for kind in KINDS if kind.is_default)

ALIASES = {
    "image/jpg": JPEG,
    "image/pjpeg": JPEG,
    "image/x-png": PNG,
    "image/x-ms-bmp": BMP,
    "image/heic-sequence": HEIC,
    "image/heif-sequence": HEIF,
    "image/avif-sequence": AVIF,
    "video/x-m4v": MP4,
    "video/m4v": MP4,
    "video/3gpp2": VIDEO_3GPP,
    "video/matroska": MATROSKA,
    "audio/mp3": MP3,
    "audio/x-mp3": MP3,
    "audio/x-mpeg": MP3,
    "audio/m4a": MP4_AUDIO,
    "audio/x-m4a": MP4_AUDIO,
    "audio/x-m4b": MP4_AUDIO,
    "audio/mp4a-latm": MP4_AUDIO,
    "audio/x-aac": AAC,
    "audio/aacp": AAC,
    "audio/vnd.dlna.adts": AAC,
    "audio/x-hx-aac-adts": AAC,
    "audio/opus": OGG_AUDIO,
    "audio/x-ogg": OGG_AUDIO,
    "application/ogg": OGG_AUDIO,
    "audio/wave": WAV,
    "audio/x-wav": WAV,
    "audio/x-pn-wav": WAV,
    "audio/vnd.wave": WAV,
    "audio/x-flac": FLAC,
    "audio/3gpp2": AUDIO_3GPP,
    "application/x-pdf": PDF,
    "text/rtf": RTF,
    "application/x-rtf": RTF,
    "application/x-msword": DOC,
    "application/vnd.msword": DOC,
    "application/msexcel": XLS,
    "application/x-msexcel": XLS,
    "application/x-excel": XLS,
    "application/excel": XLS,
    "application/mspowerpoint": PPT,
    "application/powerpoint": PPT,
    "application/x-mspowerpoint": PPT,
    "application/x-vnd.oasis.opendocument.text": ODT,
    "application/csv": CSV,
    "application/x-csv": CSV,
    "text/x-csv": CSV,
    "text/comma-separated-values": CSV,
    "text/tab-separated-values": CSV,
    "text/x-markdown": MARKDOWN,
    "text/x-vcard": VCARD,
    "text/directory": VCARD,
    "text/x-vcalendar": CALENDAR,
    "application/x-zip": ZIP,
    "application/x-zip-compressed": ZIP,
    "application/zip-compressed": ZIP,
    "multipart/x-zip": ZIP,
    "application/x-gzip": GZIP,
    "application/x-rar": RAR,
    "application/x-rar-compressed": RAR,
    "application/binary": ANY,
    "binary/octet-stream": ANY,
}

# Types that are only checked for being a text, as text/… is.
TEXTUAL = (JSON, "application/xml", "image/svg+xml", EMAIL)
# Extensions that a desktop runs or a browser renders, whatever is in the file.
ACTIVE_EXTENSIONS = _words(
    ".bat .cmd .com .exe .scr .pif .msi .vbs .vbe .js .jse .mjs .wsf .wsh .hta .html .htm .xhtml "
    ".shtml .mht .mhtml .svg .xml .xsl .url .lnk .desktop .webloc .ps1 .psm1 .sh .bash .zsh .fish "
    ".command .php .py .pyw .rb .pl .jar .reg .inf .cpl .scf .chm .hlp .application .appref-ms "
    ".iqy .slk .library-ms .search-ms .settingcontent-ms .ade .adp .mde .action .workflow"
)


def normalize_type(content_type: str) -> str:
    """Return a content type in its plain form: no parameters, lower case, no aliases."""
    plain = content_type.partition(";")[0].strip().lower()
    return ALIASES.get(plain, plain)


def is_textual(content_type: str) -> bool:
    """Return whether any text may be sent under this type."""
    return content_type.startswith("text/") or content_type in TEXTUAL


def label_of(content_type: str) -> str:
    """Return the name of this type for people."""
    kind = BY_TYPE.get(normalize_type(content_type))
    return kind.label if kind else content_type


def list_labels(content_types: Collection[str]) -> str:
    """Return the names of these types for a sentence, each once; of many types their families."""
    name = label_of if len(content_types) <= MAX_LABELS else _family_of
    return ", ".join(dict.fromkeys(map(name, content_types)))


def _family_of(content_type: str) -> str:
    plain = normalize_type(content_type)
    if plain in OFFICE_TYPES:
        return "office documents"
    return FAMILIES.get(plain.partition("/")[0], label_of(plain))


def extensions_of(content_type: str) -> tuple[str, ...]:
    """Return the extensions that a file of this type may have, the usual one first.

    The result is empty if any extension is allowed.
    """
    if kind := BY_TYPE.get(content_type):
        return kind.extensions
    if content_type == ANY:
        return ()
    known = tuple(sorted(guess_all_extensions(content_type)))
    if is_textual(content_type):
        return (*known, *TEXT_EXTENSIONS)
    return known


def find_unknown(content_types: Collection[str], magic_types: Collection[str]) -> list[str]:
    """Return the types that no file can satisfy, because nothing recognizes their bytes."""
    return [
        content_type
        for content_type in content_types
        if (plain := normalize_type(content_type)) not in BY_TYPE
        and plain != ANY
        and not is_textual(plain)
        and plain not in magic_types
    ]
