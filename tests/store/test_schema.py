"""The schema and its version change together."""

from hashlib import sha256

from roomcast.store import meta

KNOWN = {2: "e285eef050159543"}


def test_a_changed_schema_has_another_version():
    said = "\n".join(meta._statements(meta.SCHEMA.read_text(), "postgresql"))
    found = sha256(" ".join(said.split()).encode()).hexdigest()[:16]
    assert KNOWN[meta.VERSION] == found, "raise meta.VERSION, and write the migration"
