"""Names of files are made safe and stay readable."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from roomcast.chat.attachments.media_types import ANY, CSV, GIF, JPEG, PDF, PNG, TEXT, WEBP, ZIP
from roomcast.chat.attachments.names import safe_name
from roomcast.settings import AttachmentSettings

ALLOWED = AttachmentSettings().types

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
    ],
)
def test_a_harmless_name_stays_readable(name: str, kind: str, safe: str) -> None:
    assert safe_name(name, kind) == safe


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
    assert safe_name(name, kind) == safe


@pytest.mark.parametrize(
    ("name", "kind", "safe"),
    [
        ("evil.html", PNG, "evil.html.png"),
        ("run.exe", PDF, "run.exe.pdf"),
        ("a.png", JPEG, "a.png.jpg"),
        ("photo.jfif", JPEG, "photo.jfif.jpg"),
        ("page.html", TEXT, "page.html.txt"),
        ("setup.bat", TEXT, "setup.bat.txt"),
        ("a.vbs", TEXT, "a.vbs.txt"),
        ("a.HTA", TEXT, "a.HTA.txt"),
        ("a.js", TEXT, "a.js.txt"),
        ("a.url", TEXT, "a.url.txt"),
        ("a.ps1", TEXT, "a.ps1.txt"),
        ("a.sh", TEXT, "a.sh.txt"),
        ("a.py", TEXT, "a.py.txt"),
        ("a.xyz", TEXT, "a.xyz.txt"),
        (".bat", TEXT, "file.bat.txt"),
        ("a.html", CSV, "a.html.csv"),
        ("run.jar", ZIP, "run.jar.zip"),
        ("run.bat", "application/x-nobody-knows", "run.bat.bin"),
        ("run.hta", "application/xml", "run.hta.rdf"),
        ("clip.exe", "video/mp4", "clip.exe.mp4"),
    ],
)
def test_a_picture_or_document_ends_as_its_type_does(name: str, kind: str, safe: str) -> None:
    assert safe_name(name, kind) == safe


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
    assert safe_name(name, TEXT) == safe


@pytest.mark.parametrize("letter", ["a", "я", "語", "👍", "e\u0301"])
def test_a_long_name_is_cut_before_its_extension(letter: str) -> None:
    safe = safe_name(letter * 5000 + ".png", PNG)
    assert safe.endswith(".png")
    assert 60 <= len(safe) <= 200
    assert 196 <= len(safe.encode()) <= 255


KINDS = st.sampled_from([*ALLOWED, ANY, "video/mp4"])
NASTY = st.text(st.sampled_from('ab. /\\\0\n:"<\u202e\u200d\u0301\ud800яCONcon1éГ.\u00a0'))


@given(st.text() | NASTY | NASTY.map(lambda n: n * 100), KINDS)
@example("CON" + " " * 300, TEXT)
@example("\u0301\u0327" * 100_000, PNG)
def test_a_safe_name_never_escapes_and_stays_as_it_is(name: str, kind: str) -> None:
    safe = safe_name(name, kind)
    assert safe_name(safe, kind) == safe
    assert 0 < len(safe) <= 200
    assert len(safe.encode()) <= 255
    assert safe == unicodedata.normalize("NFC", safe)
    assert safe == safe.strip() == safe.strip(".")
    assert not set(safe) & set('/\\\0<>:"|?*\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069')
    assert not {unicodedata.category(c) for c in safe} & {"Cc", "Cs", "Zl", "Zp"}
    assert safe.split(".")[0].strip().upper() not in ("CON", "PRN", "AUX", "NUL", "COM1", "LPT1")


STEMS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=300)


@given(STEMS, st.sampled_from([(".png", PNG), (".JPEG", JPEG), (".docx", ZIP), (".md", TEXT)]))
def test_a_safe_name_keeps_its_extension(stem: str, ending: tuple[str, str]) -> None:
    extension, kind = ending
    assert safe_name(stem + extension, kind).endswith(extension)
