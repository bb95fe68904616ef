"""Joins the modules under `web/` into the files that pages load, without a bundler.

The build of the wheel loads this file by its path, so it imports the standard library alone. It
reads a subset of ECMAScript modules that `tests/web/test_bundle.py` holds the sources to: static
imports and exports of plain names at the start of a line, and no top-level name twice.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
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
CODE_COMMENT = re.compile(r"/\*\* (?:(?!\*/).)*\*/ ?|(?<=[;,{]) // .*$")


def join_modules(entry: Path) -> str:
    """Return one module with the code of the entry and of its static imports."""
    parts: dict[Path, str] = {}
    names = _collect(entry.resolve(), parts)
    return "\n".join(parts.values()) + f"\nexport {{ {', '.join(names)} }};\n"


def _collect(file: Path, parts: dict[Path, str]) -> list[str]:
    """Add the module after its imports; return its exported names."""
    if file in parts:
        return []
    source = file.read_text(encoding="utf-8")
    parts[file] = ""  # reserves its place, if modules import each other
    for target in [*IMPORT.findall(source), *(path for _, path in EXPORT_FROM.findall(source))]:
        _collect((file.parent / target).resolve(), parts)
    names = EXPORT.findall(source)
    for listed, _ in EXPORT_FROM.findall(source):
        names += [name.strip() for name in listed.split(",") if name.strip()]
    del parts[file]  # so that it comes after its imports
    parts[file] = strip_comments(_without_modules(source))
    return names


def _without_modules(source: str) -> str:
    for pattern in (IMPORT, EXPORT_FROM, EMPTY_EXPORT, EXPORT):
        source = pattern.sub("", source)
    return source


def strip_comments(source: str) -> str:
    """Return the code without comments on lines of their own, types and indentation."""
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
    """Return the files that pages load: names below `ui/`, and functions that make them."""
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
    """Return names that two modules of a bundle declare: such modules can't be joined."""
    parts: dict[Path, str] = {}
    _collect(entry.resolve(), parts)
    names = Counter(name for file in parts for name in DECLARED.findall(file.read_text()))
    return [name for name, times in names.items() if times > 1]


def _sources(web: Path) -> list[Path]:
    return sorted(file for part in SOURCES for file in (web / part).glob("*.js"))


def source_texts(web: Path) -> Iterator[str]:
    return (file.read_text(encoding="utf-8") for file in _sources(web))


def hash_sources(web: Path) -> str:
    """Return a hash of the sources, so that a build of other sources is not served."""
    found = hashlib.sha256()
    for file in _sources(web):
        name = file.relative_to(web).as_posix()
        found.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    return found.hexdigest()


def built_files(web: Path) -> dict[str, str]:
    """Return the files of the build of these sources by short names; empty without a build."""
    manifest = web / "dist/manifest.json"
    if not manifest.exists():
        return {}
    built = json.loads(manifest.read_text())
    files: dict[str, str] = built["files"]
    return files if built["sources"] == hash_sources(web) else {}
