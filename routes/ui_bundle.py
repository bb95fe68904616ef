"""Joins the modules under `web/` into one file each, where no bundler has done it.

The build of the wheel loads this file by its path, so it imports the standard library alone. It
reads a subset of ECMAScript modules that `tests/web/test_bundle.py` holds the sources to: static
imports and exports of plain names at the start of a line, and no top-level name twice.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

IMPORT = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"([^"]+)";\n?', re.MULTILINE)
EXPORT_FROM = re.compile(r'^export\s*\{([^}]*)\}\s*from\s*"([^"]+)";\n?', re.MULTILINE)
EXPORT = re.compile(
    r"^export (?=(?:async )?(?:class|const|function|let) (?:\* ?)?(\w+))", re.MULTILINE
)
DECLARED = re.compile(
    r"^(?:export )?(?:async )?(?:class|const|function|let) (?:\* ?)?(\w+)", re.MULTILINE
)
EMPTY_EXPORT = re.compile(r"^export \{\};?\n?", re.MULTILINE)
SETTINGS = json.loads((Path(__file__).parent.with_name("web") / "bundle.json").read_text())
SOURCES: list[str] = SETTINGS["sources"]  # folders of modules
ENTRIES: dict[str, str] = SETTINGS["entries"]  # modules that pages load, by their names there
SHARED = "./views.js"  # loaded before every module that is loaded later
CODE_COMMENT = re.compile(r"/\*\* (?:(?!\*/).)*\*/ ?|(?<=[;,{]) // .*$")


def join_modules(entry: Path) -> str:
    """One module with the code of the entry and of all that it imports statically.

    A module that is loaded later imports from `views.js`, which the page has by then.
    """
    parts: dict[Path, str] = {}
    shared = SHARED if entry.name.startswith("lazy-") else None
    names = _collect(entry.resolve(), parts, shared)
    code = "\n".join(parts.values()) + f"\nexport {{ {', '.join(names)} }};\n"
    return (_import_shared(parts) if shared else "") + code


def _import_shared(files: Iterable[Path]) -> str:
    """One import of all names that the modules take from `views.js`."""
    found = re.compile(IMPORT.pattern.replace("[^}]*", "([^}]*)"), re.MULTILINE)
    names = {
        name.strip()
        for file in files
        for listed, target in found.findall(file.read_text(encoding="utf-8"))
        if target == SHARED
        for name in listed.split(",")
    }
    return f'import {{ {", ".join(sorted(names))} }} from "{SHARED}";\n' if names else ""


def _collect(file: Path, parts: dict[Path, str], shared: str | None = None) -> list[str]:
    """Adds the module after those that it imports, but for the shared one; its exported names."""
    if file in parts:
        return []
    source = file.read_text(encoding="utf-8")
    parts[file] = ""  # its place, where modules import each other
    for target in [*IMPORT.findall(source), *(path for _, path in EXPORT_FROM.findall(source))]:
        if target != shared:
            _collect((file.parent / target).resolve(), parts, shared)
    names = EXPORT.findall(source)
    for listed, _ in EXPORT_FROM.findall(source):
        names += [name.strip() for name in listed.split(",") if name.strip()]
    del parts[file]  # behind what it needs
    parts[file] = strip_comments(_without_modules(source))
    return names


def _without_modules(source: str) -> str:
    for pattern in (IMPORT, EXPORT_FROM, EMPTY_EXPORT, EXPORT):
        source = pattern.sub("", source)
    return source


def strip_comments(source: str) -> str:
    """Without comments on lines of their own, types in the code, and indentation."""
    return "\n".join(CODE_COMMENT.sub("", line) for line in _code_lines(source))


def _code_lines(source: str) -> Iterator[str]:
    in_comment = False
    for line in source.splitlines():
        code = line.strip()
        if in_comment:
            in_comment = "*/" not in code
        elif code.startswith("/*") and "*/" not in code:
            in_comment = True
        elif (
            code
            and not code.startswith("//")
            and not (code.startswith("/*") and code.endswith("*/"))
        ):
            yield code


def source_files(web: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The files that pages load: their names below `ui/`, and how each is made of sources."""
    for name, entry in ENTRIES.items():
        if (web / entry).exists():
            yield name, partial(_join, web / entry)
    for folder in SOURCES:
        for file in web.glob(f"{folder}/lazy-*.js"):
            yield file.name, partial(_join, file)
    for file in web.glob("lang/*.js"):
        yield f"lang/{file.name}", partial(_join, file)


def _join(entry: Path) -> bytes:
    return join_modules(entry).encode()


def repeated_names(entry: Path) -> list[str]:
    """Names that two modules of one bundle declare at their top level: these can't be joined."""
    parts: dict[Path, str] = {}
    _collect(entry.resolve(), parts)
    names = Counter(name for file in parts for name in DECLARED.findall(file.read_text()))
    return [name for name, times in names.items() if times > 1]


def _sources(web: Path) -> list[Path]:
    return sorted(file for part in SOURCES for file in (web / part).glob("*.js"))


def source_texts(web: Path) -> Iterator[str]:
    return (file.read_text(encoding="utf-8") for file in _sources(web))


def hash_sources(web: Path) -> str:
    """A name of the present sources: a build of others is not served."""
    found = hashlib.sha256()
    for file in _sources(web):
        name = file.relative_to(web).as_posix()
        found.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def built_files(web: Path) -> dict[str, str]:
    """The build of these very sources: the names of its files by their short names, or nothing."""
    manifest = web / "dist/manifest.json"
    if not manifest.exists():
        return {}
    built = json.loads(manifest.read_text())
    files: dict[str, str] = built["files"]
    return files if built["sources"] == hash_sources(web) else {}
