"""`roomcast serve`."""

from pathlib import Path

import click

from ...app import create_app
from ...settings import Settings
from ..options import one_sentence, public_form, settings_option
from ..secret import settings_and_secret
from ..serve import run


@click.command("serve")
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
    run(
        create_app(settings),
        settings,
        ready=lambda url: print_banner(settings, url, secret),
        reload=lambda: settings_and_secret(path, options)[0],
    )


def print_banner(settings: Settings, url: str, secret: str) -> None:
    public = settings.server.public_url
    click.echo(f"roomcast listens on {url}{f', known as {public}' if public else ''}")
    click.echo(f"  database     {public_form(settings.database.url)}")
    click.echo(f"  attachments  {public_form(settings.attachments.url)}")
    click.echo(f"  secret       {secret}")
    if settings.server.web_client and settings.auth.secret:
        click.echo(f"  chat page    {public or url}/ (roomcast token prints a token for it)")
