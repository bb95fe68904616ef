"""The architecture: imports go one way, each library stays in its package, sizes are bounded."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(d.parent.name for d in ROOT.glob("*/__init__.py"))
FILES = sorted([*ROOT.glob("*.py"), *(f for d in PACKAGES for f in (ROOT / d).rglob("*.py"))])

# A package imports from its own layer or from a lower one.
LAYERS = (
    {"server", "testing"},
    {"app"},
    {"routes", "consumers"},
    {"chat"},
    {"realtime", "integrations", "auth"},
    {"protocol", "store", "settings", "client"},
)
# Imports against the layers that still have to go; nothing may be added.
EXCEPTIONS: set[tuple[str, str]] = set()

LIBRARIES = {
    "broadcaster": {"realtime"},
    "httptools": {"server"},
    "redis": {"realtime"},
    "asyncpg": {"store", "realtime"},
    "minio": {"store"},
    "PIL": {"chat"},
    "databases": {"store"},
    "sqlalchemy": {"store"},
    "sqlite3": {"store"},
    "aiosqlite": {"store"},
    "uvicorn": {"server"},
    "websockets": {"server", "client"},
    "jwt": {"auth", "server", "testing"},
    "httpx_ws": {"testing"},
    "pytest": {"testing"},
}

# Packages that import nothing of ours.
PURE = {"store", "protocol"}

LIMITS = {"lines of a module": 300, "lines": 220, "methods": 20, "attributes": 12}
# What is larger than that, by file; an entry that is no longer needed fails the test.
# ChatServices holds the services of a chat by name; the protocols override uvicorn's callbacks.
OVERSIZED: dict[str, set[str]] = {
    "chat/chat.py": {"ChatServices: attributes"},
    "chat/presence.py": {"Presence: attributes"},
    "server/frame_flow.py": {"FrameFlow: methods"},
    "server/websocket_protocol.py": {"WebSocketProtocol: attributes"},
}
# A client's socket and a room of this process are both called a room in the documents.
SHARED_NAMES = {"Room"}
# Metaphors that have a term: see the glossary.
GONE_WORDS = re.compile(
    r"(^|_)(told|tells?|said|says?|hear[sd]?|doubt(s|ed|ful)?|away|cuts?|bell|neighbou?rs?|postman"
    r"|shelf|ow(e[sd]?|ing)|heed|roster|whisper|stands?|stood|gone|spoken|farewell|lanes?|life"
    r"|faces?|turns?|news)($|_)"
)


def layer_of(package: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if package in names)


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """(level, module) of every import; a bare `from . import x` counts as x."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is None:
            yield from ((node.level, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, str(node.module)


def own_imports(file: Path) -> Iterator[str]:
    """Packages of ours that the file imports, its own left out."""
    depth = len(file.relative_to(ROOT).parts)
    for level, module in imports(file):
        if level == depth:
            yield module.partition(".")[0]
        assert level <= depth, f"{file}: imports from outside of the package"


def package_of(file: Path) -> str:
    inside = file.relative_to(ROOT)
    return inside.stem if len(inside.parts) == 1 else inside.parts[0]


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def classes_of(file: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(parsed(file)) if isinstance(node, ast.ClassDef)]


def methods_of(class_: ast.ClassDef) -> list[ast.AST]:
    return [n for n in class_.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def attributes_of(class_: ast.ClassDef) -> set[str]:
    """Names that are assigned to `self` in its methods."""
    nodes = [node for method in methods_of(class_) for node in ast.walk(method)]
    targets = [t for n in nodes if isinstance(n, ast.Assign) for t in n.targets]
    targets += [n.target for n in nodes if isinstance(n, ast.AnnAssign)]
    return {
        target.attr
        for target in targets
        if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
    }


def sizes_of(file: Path) -> Iterator[tuple[str, int]]:
    yield "lines of a module", file.read_text().count("\n") + 1
    for class_ in classes_of(file):
        yield f"{class_.name}: lines", int(class_.end_lineno or 0) - class_.lineno + 1
        yield f"{class_.name}: methods", len(methods_of(class_))
        yield f"{class_.name}: attributes", len(attributes_of(class_))


def in_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_every_package_has_a_layer():
    assert {package_of(file) for file in FILES} <= set().union(*LAYERS)


def test_imports_go_one_way():
    for file in FILES:
        own = package_of(file)
        for module in own_imports(file):
            is_down = layer_of(module) >= layer_of(own) or (own, module) in EXCEPTIONS
            assert is_down, f"{name_of(file)} imports {module}"


def test_the_store_and_the_wire_format_import_nothing_of_ours():
    found = {name_of(f): list(own_imports(f)) for f in FILES if package_of(f) in PURE}
    assert not {name: modules for name, modules in found.items() if modules}


def test_a_library_stays_in_its_package():
    for file in FILES:
        for level, module in imports(file):
            allowed = LIBRARIES.get(module.partition(".")[0]) if level == 0 else None
            is_allowed = allowed is None or package_of(file) in allowed
            assert is_allowed, f"{name_of(file)} imports {module}"


def test_sql_is_written_in_the_store_alone():
    for file in (file for file in FILES if package_of(file) != "store"):
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value.split()
                is_query = words[:1] == ["SELECT"] and "FROM" in words
                is_change = words[:2] in (["INSERT", "INTO"], ["DELETE", "FROM"])
                is_sql = is_query or is_change
                assert not is_sql, f"{name_of(file)}: {words[:5]}"


def test_every_module_has_a_docstring():
    assert not [name_of(file) for file in FILES if not ast.get_docstring(parsed(file))]


def test_no_module_and_no_class_is_larger_than_one_can_know():
    large: dict[str, set[str]] = defaultdict(set)
    for file in FILES:
        for what, size in sizes_of(file):
            if size > LIMITS[what.rpartition(": ")[2]]:
                large[name_of(file)].add(what)
    assert large == OVERSIZED


def test_a_class_name_exists_once():
    places: dict[str, list[str]] = defaultdict(list)
    for file in FILES:
        for class_ in classes_of(file):
            places[class_.name].append(name_of(file))
    twice = {name: files for name, files in places.items() if len(files) > 1}
    assert twice.keys() == SHARED_NAMES, twice


def names_in(file: Path) -> Iterator[str]:
    """Every name that the file gives to something."""
    for node in ast.walk(parsed(file)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def test_nothing_is_named_by_a_metaphor():
    for file in FILES:
        found = [name for name in names_in(file) if GONE_WORDS.search(in_snake_case(name))]
        assert not found, f"{name_of(file)}: {found}"
