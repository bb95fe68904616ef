"""An address of a database as PostgreSQL's own programs are told it: by their environment."""

import pytest
from roomcast.store.errors import CannotOpen
from roomcast.store.postgres.address import parse_postgres_url
from roomcast.store.postgres.libpq import database_argument, environment_of

from ..brokers.conftest import Authority, authority

__all__ = ["authority"]  # a fixture

ALWAYS = {"PGPORT": "5432", "PGCONNECT_TIMEOUT": "10"}


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("postgresql:///chat", ALWAYS),
        (
            "postgresql://me:p#a?s[s@db/chat",
            {"PGHOST": "db", "PGUSER": "me", "PGPASSWORD": "p#a?s[s"},
        ),
        (
            "postgresql://a:1,b:2/chat",
            {"PGHOST": "a,b", "PGPORT": "1,2", "PGTARGETSESSIONATTRS": "read-write"},
        ),
        ("postgresql:///chat?host=/run/pg&port=5433", {"PGHOST": "/run/pg", "PGPORT": "5433"}),
        ("postgresql://[::1]/chat", {"PGHOST": "::1"}),
        ("postgresql://db/chat?ssl=true", {"PGHOST": "db", "PGSSLMODE": "require"}),
        ("postgresql://db/chat?sslmode=prefer", {"PGHOST": "db", "PGSSLMODE": "prefer"}),
        ("postgresql://db/chat?schema=my", {"PGHOST": "db", "PGOPTIONS": '-c search_path="my"'}),
        (
            "postgresql://db/chat?options=-c%20geqo%3Doff&application_name=mine&schema=my",
            {
                "PGHOST": "db",
                "PGAPPNAME": "mine",
                "PGOPTIONS": '-c geqo=off -c search_path="my"',
            },
        ),
    ],
)
def test_what_the_programs_are_told(url: str, environment: dict[str, str]) -> None:
    assert environment_of(parse_postgres_url(url)) == ALWAYS | environment


def test_certificates_are_those_of_the_address(authority: Authority) -> None:
    url = f"postgresql://db/chat?sslrootcert={authority.path}"
    found = environment_of(parse_postgres_url(url))
    assert (found["PGSSLROOTCERT"], found["PGSSLMODE"]) == (str(authority.path), "verify-full")
    url = f"{url}&sslcert={authority.both}&sslkey={authority.both}&sslmode=require"
    found = environment_of(parse_postgres_url(url))
    assert (found["PGSSLCERT"], found["PGSSLKEY"]) == (str(authority.both), str(authority.both))
    assert found["PGSSLMODE"] == "require"


def test_a_password_of_a_key_is_refused() -> None:
    with pytest.raises(CannotOpen, match="pg_dump takes no sslpassword"):
        environment_of(parse_postgres_url("postgresql://db/chat?sslpassword=secret"))


def test_any_name_of_a_database_is_one_argument() -> None:
    address = parse_postgres_url("postgresql://db/a'b%5Cc%3Dd")
    assert database_argument(address) == "--dbname=dbname='a\\'b\\\\c=d'"
