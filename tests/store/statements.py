"""Every SQL statement that stands in the store, as its engine would be given it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from roomcast.store.dialect import POSTGRESQL, SQLITE
from roomcast.store.messages.columns import with_columns
from roomcast.store.messages.others import with_others
from roomcast.store.postgres.sql import load_statement
from roomcast.store.schema import Dialect

STORE = Path(__file__).parents[2] / "store"
# At a start, or by a command of the operator, over everything.
ONCE = ("diagnostics/", "transfer/", "maintenance/backup.py", "schema.py")
ENGINES = {"sqlite": {"sqlite", "sqlite.py"}, "postgresql": {"postgres", "postgres.py"}}
VERB = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b")
LIST = re.compile(r"\bIN :(\w+)")


class Statement(Struct, frozen=True):
    """`place` is the file and the function. `is_whole`: nothing is put into its text later."""

    place: str
    text: str
    is_whole: bool


def statements(engine: Dialect) -> Iterator[Statement]:
    """Those that the engine is given; the other's own are left out."""
    (other,) = (words for name, words in ENGINES.items() if name != engine)
    for path in sorted(STORE.rglob("*.py")):
        file = path.relative_to(STORE)
        if not str(file).startswith(ONCE) and not other & set(file.parts):
            for function, text in _texts_in(ast.parse(path.read_text()), "module"):
                yield Statement(f"{file}: {function}", _spoken(text, engine), "\0" not in text)
    if engine == "postgresql":
        for path in sorted((STORE / "postgres/sql").glob("*.sql")):
            if path.stem != "advance_watermarks":  # a part of others
                yield Statement(path.name, load_statement(path.stem), True)


def _texts_in(node: ast.AST, function: str) -> Iterator[tuple[str, str]]:
    for child in ast.iter_child_nodes(node):
        text = _text_of(child)
        if text is not None:
            if VERB.match(text):
                yield function, text
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _texts_in(child, child.name)
        else:
            yield from _texts_in(child, function)


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
        return "".join(map(str, parts))
    return None


def _spoken(text: str, engine: Dialect) -> str:
    dialect = SQLITE if engine == "sqlite" else POSTGRESQL
    return LIST.sub(r"IN (:\1)", dialect.render(with_others(with_columns(text))))
