"""The large statements of the PostgreSQL engine, as .sql files."""

from pathlib import Path

from ...messages.others import with_others

FOLDER = Path(__file__).parent
INCLUDE = "-- include "


def load_statement(name: str) -> str:
    """Return the text of `name`.sql; a line `-- include other.sql` is replaced by that file."""
    lines = with_others(FOLDER.joinpath(f"{name}.sql").read_text()).splitlines()
    return "\n".join(
        load_statement(line.removeprefix(INCLUDE).removesuffix(".sql"))
        if line.startswith(INCLUDE)
        else line
        for line in lines
    )
