"""The address of a database for PostgreSQL's own programs: pg_dump, pg_restore and psql."""

from ..errors import CannotOpen
from .address import PostgresAddress

HOST_TIMEOUT = 10  # seconds for a connection to one host
TLS_VARIABLES = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslnegotiation": "PGSSLNEGOTIATION",
}


def environment_of(address: PostgresAddress) -> dict[str, str]:
    """Return libpq's environment variables: every user of a machine can read arguments.

    Raises CannotOpen where libpq has no variable for an option of the address.
    """
    if "sslpassword" in address.tls:
        raise CannotOpen(
            "database.url: pg_dump takes no sslpassword. Let sslkey name a key without a password, "
            "which only its owner can read."
        )
    settings = address.server_settings
    options = (settings.get("options", ""), _search_path_of(address.schema))
    values = {
        "PGHOST": ",".join(host or "" for host, _ in address.places),
        "PGPORT": ",".join(str(port) for _, port in address.places),
        "PGUSER": address.user,
        "PGPASSWORD": address.password,
        "PGAPPNAME": settings.get("application_name"),
        "PGOPTIONS": " ".join(filter(None, options)),
        "PGTARGETSESSIONATTRS": address.options.get("target_session_attrs"),
        "PGCONNECT_TIMEOUT": str(HOST_TIMEOUT),
        **{TLS_VARIABLES[name]: value for name, value in _tls_of(address.tls).items()},
    }
    return {name: value for name, value in values.items() if value}


def database_argument(address: PostgresAddress) -> str:
    """Return the argument that names the database, whatever characters its name has."""
    name = address.database or address.user or ""
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"--dbname=dbname='{quoted}'"


def _search_path_of(schema: str) -> str:
    return f'-c search_path="{schema}"' if schema else ""


def _tls_of(given: dict[str, str]) -> dict[str, str]:
    """The options of TLS by libpq's names; without a mode, with the mode that the driver takes."""
    found = {name: value for name, value in given.items() if name in TLS_VARIABLES}
    if mode := given.get("ssl"):
        found["sslmode"] = {"true": "require", "false": "disable"}.get(mode, mode)
    if "sslrootcert" in found:
        found.setdefault("sslmode", "verify-full")
    elif "sslcert" in found:
        found.setdefault("sslmode", "require")
    return found
