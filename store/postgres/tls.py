"""TLS to PostgreSQL, configured by libpq's options."""

import ssl
from pathlib import Path
from typing import Any

from ..errors import CannotOpen

MODES = {
    "disable", "allow", "prefer", "require", "verify-ca", "verify-full",
    "true", "false",
}  # fmt: skip
FILES = ("sslrootcert", "sslcert", "sslkey")
SSL_OPTIONS = ("ssl", "sslmode", "sslnegotiation", "sslpassword", *FILES)


def context_of(given: dict[str, str]) -> dict[str, Any]:
    """Return the driver's TLS options. Raises CannotOpen with the option's name, and no secret."""
    mode = given.get("ssl", given.get("sslmode"))
    if mode is not None and mode not in MODES:
        raise CannotOpen(f"database.url: sslmode is one of {', '.join(sorted(MODES))}.")
    options: dict[str, Any] = {}
    if given.get("sslnegotiation") == "direct":
        options["direct_tls"] = True
    files = {name: given[name] for name in FILES if name in given}
    for name, path in files.items():
        if path != "system" and not Path(path).is_file():
            raise CannotOpen(f"database.url: {name}: there is no file {path}.")
    if files or (mode or "").startswith("verify"):
        options["ssl"] = _context(mode, files, given.get("sslpassword"))
    elif mode is not None:
        options["ssl"] = {"true": "require", "false": "disable"}.get(mode, mode)
    return options


def _context(mode: str | None, files: dict[str, str], password: str | None) -> ssl.SSLContext:
    """Return the TLS context; as in libpq, a root certificate turns verification on."""
    root = files.get("sslrootcert")
    try:
        context = ssl.create_default_context(cafile=None if root == "system" else root)
        context.check_hostname = mode == "verify-full" or (root is not None and mode is None)
        if root is None and not (mode or "").startswith("verify"):
            context.verify_mode = ssl.CERT_NONE
        if "sslcert" in files:
            context.load_cert_chain(files["sslcert"], files.get("sslkey"), password or "")
    except (ssl.SSLError, OSError) as error:
        raise CannotOpen(
            f"database.url: {' or '.join(files) or 'TLS'} can't be used: "
            f"{getattr(error, 'reason', None) or error.strerror or 'wrong contents'}."
        ) from None
    return context
