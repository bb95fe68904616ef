"""The house: imports point down, and each library stays behind its one door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(
    [*ROOT.glob("*.py"), *(f for d in ROOT.glob("*/__init__.py") for f in d.parent.glob("*.py"))]
)

# From the roof to the cellar; a file imports from its own floor or from below.
FLOORS = (
    {"pytest_plugin"},
    {"cli", "commands", "serve", "testing"},
    {"app"},
    {"routes", "consumers"},
    {"chat"},
    {"verbs"},
    {"fanout", "hooks", "webhooks"},
    {"live"},
    {"auth", "access", "frames"},
    {"store", "brokers", "metrics"},
    {"errors", "settings", "client"},
)

DOORS = {
    "broadcaster": {"fanout.py", "brokers"},
    "redis": {"brokers"},
    "asyncpg": {"store", "brokers"},
    "minio": {"store"},
    "databases": {"store"},
    "sqlalchemy": {"store"},
    "sqlite3": {"store"},
    "aiosqlite": {"store"},
    "uvicorn": {"serve.py", "live", "cli.py"},
    "jwt": {"auth.py", "access", "cli.py", "testing.py"},
    "httpx_ws": {"testing.py"},
    "pytest": {"pytest_plugin.py"},
}


def floor_of(module: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if module in names)


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
    """Top-level names of ours that the file imports."""
    depth = len(file.relative_to(ROOT).parts)
    for level, module in imports(file):
        if level == depth:
            yield module.partition(".")[0]
        assert level <= depth, f"{file}: imports from outside of the package"


def place(file: Path) -> str:
    inside = file.relative_to(ROOT)
    return inside.stem if len(inside.parts) == 1 else inside.parts[0]


def test_every_file_has_its_floor():
    assert {place(file) for file in FILES} <= set().union(*FLOORS)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_point_down(file):
    for module in own_imports(file):
        assert floor_of(module) >= floor_of(place(file)), f"{file.name} imports {module}"


@pytest.mark.parametrize("file", sorted((ROOT / "store").glob("*.py")), ids=lambda f: f.name)
def test_the_store_imports_nothing_of_ours(file):
    assert not list(own_imports(file))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_a_library_stays_behind_its_door(file):
    inside = file.relative_to(ROOT)
    for level, module in imports(file):
        doors = DOORS.get(module.partition(".")[0]) if level == 0 else None
        assert doors is None or {inside.parts[0]} & doors, f"{inside} imports {module}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_sql_stands_in_the_store_alone(file):
    if place(file) == "store":
        return
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
            assert words[:1] != ["SELECT"] or "FROM" not in words, f"{inside_of(file)}: {words[:5]}"
            assert words[:2] not in (["INSERT", "INTO"], ["DELETE", "FROM"])


def inside_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_every_module_says_what_it_is(file):
    assert ast.get_docstring(ast.parse(file.read_text()))
