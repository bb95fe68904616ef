"""The schema and its version change together."""

from hashlib import sha256

from roomcast.store import schema as meta

KNOWN = {13: "b1fc9a05fe8c252a"}


def test_a_changed_schema_has_another_version():
    schema = meta.SCHEMA.read_text()
    both = meta.statements_of(schema, "postgresql") + meta.statements_of(schema, "sqlite")
    text = "\n".join(both)
    found = sha256(" ".join(text.split()).encode()).hexdigest()[:16]
    assert KNOWN[meta.VERSION] == found, "raise meta.VERSION, and write the migration"
