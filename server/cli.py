"""The `roomcast` command."""

import asyncio
import os
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import jwt
import msgspec

from ..app import App, create_app
from ..protocol.errors import InvalidFrame
from ..protocol.ids import user_of
from ..settings import Auth, BadSetting, Settings, check, load, read, seconds
from ..store.store import AlreadyOpen, Store
from ..store.transfer.tables import CannotMove
from .commands import demo, upkeep
from .serve import CANNOT_START, run
from .verify.command import verify_command

if TYPE_CHECKING:
    from .commands.move import Keys, Moved, Objects

DAY = 86_400.0  # seconds
SECRET_FILE = Path("roomcast.secret")
FAULTS = *CANNOT_START, BadSetting, CannotMove


class Failure(click.ClickException):
    """One sentence on stderr, exit code 2."""

    exit_code = 2


@contextmanager
def one_sentence() -> Iterator[None]:
    """What a person can put right is no traceback."""
    try:
        yield
    except FAULTS as error:
        raise Failure(str(error)) from None


class Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            return seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


settings_option = click.option(
    "--settings",
    "path",
    type=click.Path(path_type=Path),
    help="A settings file; otherwise settings.toml in the current folder, if there is one.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="roomcast", message="%(prog)s %(version)s")
def main() -> None:
    """Chat rooms for a site that already has users.

    \b
    Try it:       roomcast demo
    Serve it:     roomcast serve
    Talk to it:   TOKEN=$(roomcast token --user 2)
                  curl -H "Authorization: Bearer $TOKEN" \\
                       http://127.0.0.1:8000/api/v1/chat/receive/

    Settings come from options, then ROOMCAST_… variables, then settings.toml, then the defaults.
    """


main.add_command(verify_command)

# ---------------------------------------------------------------- serve


@main.command("serve")
@settings_option
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on, 0 for a free one.  [default: 8000]")
@click.option("--workers", type=int, help="Processes.  [default: 1]")
@click.option("--log-level", help="debug, info, warning, error or critical.  [default: info]")
@one_sentence()
def serve_command(
    path: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    log_level: str | None,
) -> None:
    """Serve the chat until Ctrl+C or SIGTERM.

    \b
    Examples:
      roomcast serve
      roomcast serve --host 0.0.0.0 --port 8080
      ROOMCAST_AUTH_SECRET_FILE=/run/secrets/chat roomcast serve --settings /etc/roomcast.toml
    """
    options = {
        "server.host": host,
        "server.port": port,
        "server.workers": workers,
        "server.log_level": log_level,
    }
    settings, secret = settings_and_secret(path, options)
    run(create_app(settings), settings, ready=lambda url: banner(settings, url, secret))


def banner(settings: Settings, url: str, secret: str) -> None:
    public = settings.server.public_url
    click.echo(f"roomcast listens on {url}{f', known as {public}' if public else ''}")
    click.echo(f"  database     {shown(settings.database.url)}")
    click.echo(f"  attachments  {shown(settings.attachments.url)}")
    click.echo(f"  secret       {secret}")


def shown(url: str) -> str:
    """Without user, password and options; of a URL that is written otherwise, only its scheme."""
    scheme, mark, rest = url.partition("://")
    if not mark or scheme in ("sqlite", "file", "memory"):
        return url
    place = r"((?:[^/?#@:]*|\[[^/?#@]*\])(?::\d+)?(?:/[^?#@]*)?)"
    found = re.fullmatch(rf"(?:[^/?#@]*@)?{place}(?:\?[^@]*)?", rest)
    return f"{scheme}://{found[1] if found else '…'}"


# ---------------------------------------------------------------- token


@main.command(short_help="Print a token, to try the chat out.")
@settings_option
@click.option("--user", required=True, help="The user's id, as the site knows it.")
@click.option("--ttl", type=Duration(), default="1h", show_default=True, help="How long it works.")
@click.option("--name", help="The name that the others see.")
@one_sentence()
def token(path: Path | None, user: str, ttl: float, name: str | None) -> None:
    """Print a token, signed as a site would sign it, to try the chat out.

    \b
    Examples:
      roomcast token --user 2
      roomcast token --user 2 --name Ada --ttl 7d
    """
    settings, _ = settings_and_secret(path, {})
    click.echo(sign(settings.auth, user, ttl, name))


def sign(auth: Auth, user: str, ttl: float, name: str | None) -> str:
    if not (auth.secret and auth.hmac):
        raise Failure(
            "Tokens are signed by whoever has the key: auth.secret is not what checks them."
        )
    try:
        claims: dict[str, object] = {auth.user_claim: user_of(user).removeprefix(auth.user_prefix)}
    except InvalidFrame as error:
        raise Failure(f"--user: {error}") from None
    claims["exp"] = int(time.time() + ttl)
    given = {"name": name, "aud": auth.audience, "iss": auth.issuer}
    claims |= {claim: value for claim, value in given.items() if value}
    return jwt.encode(claims, auth.secret, auth.hmac[0])


# ---------------------------------------------------------------- demo


@main.command("demo", short_help="Serve a chat in which three people talk, and print their links.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=8000, show_default=True, help="The port to listen on.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo keeps its data.",
)
@one_sentence()
def demo_command(host: str, port: int, folder: Path) -> None:
    """Serve a chat in which Ada, Bob and Carl already talk, and print a link for each.

    Open the links in windows of their own. What is said stays in the folder for the next time.
    """
    make_folder(folder)
    settings, _ = with_secret(demo.settings(folder, host, port), folder / SECRET_FILE)
    tokens = {
        name: sign(settings.auth, str(user), demo.TOKENS_LAST, name)
        for user, name in demo.PEOPLE.items()
    }
    rooms: dict[str, int] = {}

    async def seed(chat: App) -> None:
        rooms.update(await demo.seed(chat, tokens.values()))

    def links(url: str) -> None:
        click.echo("Open each link in a window of its own; Ctrl+C ends the demo.")
        for name, token in tokens.items():
            # In the fragment, which no browser sends and no server logs.
            click.echo(f"\n{name}:\n{url}/#token={token}&room={rooms[name]}")

    run(create_app(settings), settings, before=seed, ready=links)


def make_folder(folder: Path) -> None:
    """One that git leaves alone, wherever it is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")
    except OSError as error:
        raise Failure(f"The folder {folder} cannot be written to: {error.strerror}.") from None


# ---------------------------------------------------------------- migrate


@main.command(short_help="Bring the database to the schema of this version.")
@settings_option
@one_sentence()
def migrate(path: Path | None) -> None:
    """Bring the database to the schema of this version; `serve` does so too."""
    settings = load(path)
    asyncio.run(apply_schema(settings))
    click.echo(f"{shown(settings.database.url)} has the schema of this version.")


async def apply_schema(settings: Settings) -> None:
    store = Store(settings.database.url, settings.database.synchronous, alone=False)
    await store.open()
    await store.aclose()


# ---------------------------------------------------------------- move


@main.command("move", short_help="Copy a chat into another database, and its files.")
@settings_option
@click.argument("source", required=False)
@click.argument("target", required=False)
@click.option("--attachments", nargs=2, metavar="FROM TO", help="Where files lie, and shall lie.")
@one_sentence()
def move_command(
    path: Path | None,
    source: str | None,
    target: str | None,
    attachments: tuple[str, str] | None,
) -> None:
    """Copy the chat in SOURCE into TARGET, another database; stop its server first.

    Ids, versions and links to files stay what they are. SOURCE is not changed. If it is
    interrupted, the same command goes on. With --attachments the files are copied too; without
    SOURCE and TARGET only they are, those of database.url.

    \b
    Examples:
      roomcast move sqlite:///roomcast.db postgresql://roomcast:secret@db.example.com/chat
      roomcast move --attachments file:./attachments s3://KEY:SECRET@s3.example.com/files
    """
    from .commands import move  # with both engines, which the other commands need not load

    if (source is None) != (target is None) or not (source or attachments):
        raise click.UsageError("Name a SOURCE and a TARGET, or --attachments FROM TO, or both.")
    places = [checked("attachments", url) for url in attachments or ()]
    if source and target:
        databases = checked("database", source), checked("database", target)
        tell_moved(asyncio.run(move.move(*databases)))
    if places:
        keys = asyncio.run(move.keys_of(target or load(path).database.url))
        tell_objects(asyncio.run(move.move_objects(places[0], places[1], keys)), keys)


def checked(section: str, url: str) -> str:
    """A URL that settings would take."""
    load({section: {"url": url}})
    return url


def tell_moved(moved: "Moved") -> None:
    all_of_it = ", ".join(f"{count:,} {name}" for name, count in moved.counts.items())
    if moved.was_there:
        click.echo(f"All of it is there already: {all_of_it}.")
        return
    speed = moved.copied / moved.seconds
    click.echo(f"Moved {all_of_it}, in {moved.seconds:.1f} s ({speed:,.0f} messages a second).")
    click.echo("Counts, ids, versions and lengths of texts are the same on both sides.")


def tell_objects(objects: "Objects", keys: "Keys") -> None:
    click.echo(f"Moved {objects.moved:,} files; {objects.present:,} were there already.")
    if objects.missing:
        raise click.ClickException(
            f"{objects.missing:,} of {len(keys.held):,} files that messages hold are not at the "
            "place that was named first."
        )


# ---------------------------------------------------------------- one user's data


user_option = click.option("--user", required=True, help="The user's id, as the site knows it.")


def user_named(user: str) -> str:
    try:
        return user_of(user)
    except InvalidFrame as error:
        raise Failure(f"--user: {error}") from None


@contextmanager
def or_by_http(call: str) -> Iterator[None]:
    try:
        yield
    except AlreadyOpen as error:
        raise Failure(f"{error} Or ask the one that runs: {call}.") from None


@main.command("export", short_help="Write all that is a user's, one JSON object a line.")
@settings_option
@user_option
@one_sentence()
@or_by_http("GET chat/export/ as this user")
def export_command(path: Path | None, user: str) -> None:
    """Write all that is a user's to stdout, one JSON object a line; the last one is an `end`.

    Links to files start with server.public_url, and expire as others do.

    \b
    Example:
      roomcast export --user 2 > 2.ndjson
    """
    asyncio.run(write_export(load(path), user_named(user)))


async def write_export(settings: Settings, user_id: str) -> None:
    async for line in upkeep.exported(settings, user_id):
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


@main.command("erase", short_help="Erase all that is a user's.")
@settings_option
@user_option
@one_sentence()
@or_by_http("DELETE chat/me/ as this user")
def erase_command(path: Path | None, user: str) -> None:
    """Erase a user's messages, files, reactions, name and picture; sockets that are open hear it.

    He stays in his rooms, and so does how far he has read. If it is interrupted, the same command
    goes on, or the next server does.
    """
    settings, user_id = load(path), user_named(user)
    with progress_of("Messages") as (expect, told):
        count = asyncio.run(upkeep.erase(settings, user_id, expect, told))
    if count is None:
        click.echo("A server is at it already.")
    else:
        click.echo(f"Erased {count:,} messages, and all else that was the user's.")


# ---------------------------------------------------------------- the whole database


@main.command("prune", short_help="Take old messages out for good.")
@settings_option
@click.option(
    "--older-than", type=Duration(), required=True, help='How old a message may be: "365d".'
)
@one_sentence()
def prune_command(path: Path | None, older_than: float) -> None:
    """Take messages that are older out of the database, with their files and reactions.

    Clients that come back with a cursor from before that start afresh. Servers on PostgreSQL may
    run meanwhile; SQLite's must be stopped. If it is interrupted, the same command goes on.
    """
    if older_than < DAY:
        raise Failure('--older-than: at least "1d"; a number alone is seconds.')
    before = int((time.time() - older_than) * 1_000_000)
    with progress_of("Rooms") as (expect, told):
        gone = asyncio.run(upkeep.prune(load(path), before, expect, told))
    click.echo(f"{gone:,} messages are gone. The next sweep of a server takes their files.")


@main.command("fsck", short_help="Count anew what is counted as it happens, and mend it.")
@settings_option
@click.option("--dry-run", is_flag=True, help="Only say what is wrong; exit code 1 if anything is.")
@one_sentence()
def fsck_command(path: Path | None, dry_run: bool) -> None:
    """Count the messages of each room anew, and what each member has sent and seen.

    Unread counters are made of these. Servers on PostgreSQL may run meanwhile.
    """
    with progress_of("Rooms") as (expect, told):
        wrong = asyncio.run(upkeep.recount(load(path), expect, told, mends=not dry_run))
    for room in wrong:
        members = f"; {room.members} members with wrong counters" if room.members else ""
        click.echo(f"room {room.room_id}: {room.counted} messages, not {room.total}{members}")
    verb = "are wrong" if dry_run else "were wrong, and are mended"
    click.echo(f"Counters of {len(wrong):,} rooms {verb}." if wrong else "All counters are right.")
    raise SystemExit(1 if wrong and dry_run else 0)


@contextmanager
def progress_of(what: str) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """How many are to come, from where on there is a bar; so many more are done."""
    with ExitStack() as stack:
        bars: list[Any] = []

        def expect(count: int) -> None:
            if sys.stderr.isatty():
                bar = click.progressbar(length=max(count, 1), label=what, file=sys.stderr)
                bars.append(stack.enter_context(bar))

        def done(count: int) -> None:
            for bar in bars:
                bar.update(count)

        yield expect, done


# ---------------------------------------------------------------- doctor


@main.command("doctor", short_help="Look at every engine, and say what is wrong.")
@settings_option
@one_sentence()
def doctor_command(path: Path | None) -> None:
    """Look at every engine that the settings name; exit code 1 if anything is wrong.

    It changes nothing, and may run beside a server.
    """
    is_well = asyncio.run(tell_findings(load(path)))
    raise SystemExit(0 if is_well else 1)


async def tell_findings(settings: Settings) -> bool:
    from .commands import doctor  # with all engines, which the other commands need not load

    is_well = True
    async for part, finding in doctor.examine(settings, SECRET_FILE):
        click.echo(f"{'ok' if finding.ok else 'WRONG':6} {part:12} {finding.sentence}")
        is_well &= finding.ok
    return is_well


# ---------------------------------------------------------------- a secret nobody had to think of


def settings_and_secret(
    path: Path | None, options: dict[str, str | int | None]
) -> tuple[Settings, str]:
    """The settings in force, and in words where their secret came from."""
    settings, origins = read(path, options)
    if settings.auth.secret:
        return settings, f"from {origins['auth.secret']}"
    if not settings.auth.wants_secret:
        return settings, "none: those who sign tokens have public keys"
    settings, written = with_secret(settings, SECRET_FILE)
    if written:
        click.echo(f"Wrote a new secret to {SECRET_FILE}; auth.secret is not set.", err=True)
    return settings, f"from {SECRET_FILE}"


def with_secret(settings: Settings, path: Path) -> tuple[Settings, bool]:
    """The settings with the secret of this file, and whether the file was written just now."""
    written = write_secret(path)
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise Failure(f"{path} cannot be read: {reason}.") from None
    if not secret:
        raise Failure(f"{path} is empty: delete it, and a new secret is written.")
    auth = msgspec.structs.replace(settings.auth, secret=secret)
    settings = msgspec.structs.replace(settings, auth=auth)
    check(settings, {"auth.secret": str(path)})
    return settings, written


def write_secret(path: Path) -> bool:
    """Once: whoever comes second finds it there."""
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
