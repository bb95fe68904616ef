"""The secret that tokens are signed with: from settings, or from a file written once."""

import os
import secrets
import stat
from pathlib import Path

import click
import msgspec

from ..settings import Settings, check, read
from .options import Failure

SECRET_FILE = Path("roomcast.secret")


def settings_and_secret(
    path: Path | None, options: dict[str, str | int | None]
) -> tuple[Settings, str]:
    """Return the settings, and a text that says where their secret comes from.

    Without a secret in the settings, the file in the current folder is read; it is written if it
    does not exist.
    """
    settings, origins = read(path, options)
    if settings.auth.secret:
        return settings, f"from {origins['auth.secret']}"
    if not settings.auth.wants_secret:
        return settings, "none: those who sign tokens have public keys"
    settings, written = with_secret(settings, SECRET_FILE)
    if written:
        click.echo(f"Wrote a new secret to {SECRET_FILE}; auth.secret is not set.", err=True)
    return settings, f"from {SECRET_FILE}"


def settings_with_existing_secret(path: Path | None) -> Settings:
    """Return the settings of `serve` without writing a secret.

    Raises Failure if `serve` would write one: no server knows tokens signed by a new secret.
    """
    settings, _ = read(path, {})
    if not settings.auth.secret and settings.auth.wants_secret:
        if not SECRET_FILE.exists():
            raise Failure(
                f"There is no {SECRET_FILE} in this folder, and auth.secret is not set: run this "
                "in the server's folder after its first start, or with the server's settings "
                "(--settings, ROOMCAST_AUTH_SECRET_FILE)."
            )
        settings, _ = with_secret(settings, SECRET_FILE)
    return settings


def with_secret(settings: Settings, path: Path) -> tuple[Settings, bool]:
    """Return the settings with the secret of this file, and whether the file is new."""
    written = write_secret(path)
    settings = replace_secret(settings, read_secret(path))
    check(settings, {"auth.secret": str(path)})
    return settings, written


def replace_secret(settings: Settings, secret: str) -> Settings:
    auth = msgspec.structs.replace(settings.auth, secret=secret)
    return msgspec.structs.replace(settings, auth=auth)


def read_secret(path: Path) -> str:
    """Read the secret. Raises Failure for a file that is unreadable, empty, no text or public."""
    try:
        mode = path.stat().st_mode
        secret = path.read_text("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise Failure(f"{path} cannot be read: {reason}.") from None
    if not secret:
        raise Failure(f"{path} is empty: delete it, and a new secret is written.")
    if mode & stat.S_IROTH:
        raise Failure(f"{path} can be read by every user of this machine: chmod 600 {path}.")
    return secret


def write_secret(path: Path) -> bool:
    """Write the secret; return False if the file exists."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        problem = f"a secret cannot be written there ({error.strerror}); set ROOMCAST_AUTH_SECRET"
        raise Failure(f"{path}: {problem}.") from None
    with os.fdopen(file, "w") as secret:
        secret.write(secrets.token_urlsafe(64) + "\n")
    return True
