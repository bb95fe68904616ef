"""The checks that both kinds of databases share: the schema, and how times are written."""

from .. import schema
from .finding import Finding


def schema_finding(known: bool, found: str) -> Finding:
    if not known:
        return Finding("schema", True, "It is empty: its tables are made at the start.")
    if found == str(schema.VERSION):
        return Finding("schema", True, f"Its schema is {found}, that of this roomcast.")
    if why := schema.why_moved(found):
        return Finding("schema", False, why)
    if found.isdecimal() and int(found) < schema.VERSION:
        sentence = f"Its schema is {found}: the next start, or roomcast migrate, makes it"
        return Finding("schema", True, f"{sentence} {schema.VERSION}.")
    sentence = f"Its schema is {found or 'unknown'}, this roomcast knows {schema.VERSION}"
    return Finding(
        "schema", False, f"{sentence}: install the roomcast that made it, or a later one."
    )


def in_ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
