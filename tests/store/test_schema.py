"""The schema and its version change together."""

from hashlib import sha256

from roomcast.store import schema as meta

KNOWN = {14: "d13f94f96497dbce"}


def test_a_changed_schema_has_another_version():
    schema = meta.SCHEMA.read_text()
    both = meta.statements_of(schema, "postgresql") + meta.statements_of(schema, "sqlite")
    text = "\n".join(both)
    found = sha256(" ".join(text.split()).encode()).hexdigest()[:16]
    assert KNOWN[meta.VERSION] == found, "raise meta.VERSION, and write the migration"


def test_every_version_has_a_migration():
    numbers = {int(path.stem) for path in meta.MIGRATIONS.glob("*.sql")}
    assert numbers == set(range(2, meta.VERSION + 1))
