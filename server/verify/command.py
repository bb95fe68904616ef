"""The command `roomcast verify`."""

import asyncio
import json
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ..options import Duration
from .promises import PROMISES

if TYPE_CHECKING:
    from .report import Report
    from .run import Options


@click.command("verify", short_help="Test a running deployment against its guarantees.")
@click.argument("url")
@click.option("--token", "tokens", multiple=True, metavar="JWT", help="A user's token; give two.")
@click.option(
    "--server-key",
    metavar="KEY",
    help="Instead of tokens: two users are created, and erased afterwards.",
)
@click.option(
    "--duration",
    type=Duration(1, 3_600),
    default="60s",
    show_default=True,
    metavar="TIME",
    help="How long connections are broken under load: 90, 90s or 3m.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0),
    default=20,
    show_default=True,
    metavar="N",
    help="Actions a second of each user; 0: no limit.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON, on stdout.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@click.option("--insecure", is_flag=True, help="Accept any TLS certificate.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(PROMISES)),
    metavar="PROMISE",
    help="Check this promise alone, as the report names it; may be repeated.",
)
@click.option("--fail-fast", is_flag=True, help="End at the first broken promise.")
@click.option(
    "--timeout",
    type=Duration(0.1),
    default="10s",
    show_default=True,
    metavar="TIME",
    help="How long an answer may take.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The seed of the random interruptions."
)
def verify_command(
    url: str, tokens: Sequence[str], server_key: str | None,
    as_json: bool, quiet: bool, **options: Any,
) -> None:  # fmt: skip
    """Test the deployment at URL against docs/protocol.md, from the outside.

    URL is the address of the chat, such as https://chat.example.com, with its mount if it has one:
    https://www.example.com/chat. Two users do everything that clients do, in rooms of their own,
    while their connections are broken at random bytes. Messages that are lost, doubled, out of
    order or wrongly marked are reported, and all answers that differ from the documentation. Data
    of other users is not touched, and the rooms are deleted at the end.

    The tokens should be of two users who were created for this: they are online during the run,
    block each other once, reach the rate limit, and open about forty rooms each. A run takes the
    --duration and about two minutes more. With --server-key it makes these users by itself, and
    also checks what only a site can do: expiring tokens, bans, buttons, read-only rooms.

    The exit code is 0 if every promise held, 1 if one is broken, and 2 if the deployment could not
    be verified. docs/guarantees.md explains the promises, and what a run does not show.

    \b
    Examples:
      roomcast verify http://127.0.0.1:8000 \\
          --token $(roomcast token --user ada) --token $(roomcast token --user bob)
      roomcast verify https://www.example.com/chat --server-key $KEY --json
      roomcast verify https://chat.example.com --token $ADA --token $BOB --duration 10m
      roomcast verify https://chat.example.com --server-key $KEY --only files --only http
    """
    from ...client import ClientError  # imports that other commands don't need
    from .account import CannotVerify
    from .introduction import parse_base
    from .run import Options

    tokens = [token.strip() for token in tokens]
    secrets = [*tokens, server_key] if server_key else tokens
    if (len(tokens) == 2) == bool(server_key):
        raise click.UsageError("Give --token twice, of two users, or --server-key.")
    if not all(given.isascii() and given.isprintable() and given for given in secrets):
        raise click.UsageError("A token or key is empty, or has characters that a header can't.")
    try:
        base = parse_base(url)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    chosen = Options(**options)
    run = _run(base, tokens, server_key, chosen, quiet=quiet)
    try:
        report = asyncio.run(run)
    except (CannotVerify, ClientError) as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(2) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("Error: interrupted; the rooms of this run are deleted.", err=True)
        raise SystemExit(2) from None
    click.echo(json.dumps(report.as_json(), indent=2) if as_json else report.as_text())
    raise SystemExit(1 if report.findings else 0)


async def _run(
    url: str, tokens: Sequence[str], server_key: str | None, options: "Options", *, quiet: bool
) -> "Report":
    def progress(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    from .introduction import tls_of, two_users
    from .run import verify

    task = asyncio.current_task()
    assert task is not None
    with suppress(NotImplementedError):  # another system than Linux
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if server_key is None:
        return await verify(url, tokens, options, progress)
    tls = tls_of(url, insecure=options.insecure)
    async with two_users(url, server_key, options.timeout, tls) as made:
        return await verify(url, made, options, progress, server_key)
