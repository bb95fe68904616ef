"""The architecture: imports go one way, each library stays in its package, sizes are bounded."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def layer_of(package: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if package in names)


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """(level, module) of every import; a bare `from . import x` counts as x."""
    for node in ast.walk(ast.parse(file.read_text())):
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


def test_every_package_has_a_layer():
    assert {package_of(file) for file in FILES} <= set().union(*LAYERS)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_go_one_way(file):
    for module in own_imports(file):
        if (package_of(file), module) not in EXCEPTIONS:
            assert layer_of(module) >= layer_of(package_of(file)), f"imports {module}"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_the_store_and_the_wire_format_import_nothing_of_ours(file):
    if package_of(file) in ("store", "protocol"):
        assert not list(own_imports(file))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_library_stays_in_its_package(file):
    for level, module in imports(file):
        allowed = LIBRARIES.get(module.partition(".")[0]) if level == 0 else None
        assert allowed is None or package_of(file) in allowed, f"imports {module}"


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_sql_is_written_in_the_store_alone(file):
    if package_of(file) == "store":
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
            assert words[:1] != ["SELECT"] or "FROM" not in words, f"{words[:5]}"
            assert words[:2] not in (["INSERT", "INTO"], ["DELETE", "FROM"])


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_every_module_has_a_docstring(file):
    assert ast.get_docstring(ast.parse(file.read_text()))
