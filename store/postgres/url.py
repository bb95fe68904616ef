"""The options of a PostgreSQL URL, as the driver takes them."""

import ssl
from typing import Any

from databases import DatabaseURL

from ..errors import CannotOpen


def options_of(url: DatabaseURL) -> dict[str, Any]:
    """What the driver takes, from the URL's query. Raises CannotOpen with the option's name."""
    given = dict(url.options)
    options: dict[str, Any] = {}
    if "statement_cache_size" in given:
        options["statement_cache_size"] = int(given.pop("statement_cache_size"))
    mode = given.pop("ssl", given.pop("sslmode", None))
    ca = given.pop("sslrootcert", None)
    if ca is not None:
        options["ssl"] = ssl.create_default_context(cafile=ca)
        options["ssl"].check_hostname = mode in (None, "verify-full")
    elif mode is not None:
        options["ssl"] = {"true": "require", "false": "disable"}.get(mode, mode)
    if given:
        raise CannotOpen(f"database.url: unknown option {next(iter(given))}.")
    return options
