"""`roomcast token`."""

import time
from pathlib import Path

import click
import jwt

from ...protocol.errors import InvalidFrame
from ...protocol.ids import user_of
from ...settings import AuthSettings
from ..options import Duration, Failure, one_sentence, settings_option
from ..secret import settings_with_existing_secret


@click.command("token", short_help="Print a token, to try the chat out.")
@settings_option
@click.option("--user", required=True, help="The user's id, as the site knows it.")
@click.option("--ttl", type=Duration(), default="1h", show_default=True, help="Its lifetime.")
@click.option("--name", help="The name that the others see.")
@one_sentence()
def token_command(path: Path | None, user: str, ttl: float, name: str | None) -> None:
    """Print a token, signed as a site would sign it, to try the chat out.

    It takes the secret of the server: run it in the server's folder, or with its settings.

    \b
    Examples:
      roomcast token --user 2
      roomcast token --user 2 --name Ada --ttl 7d
    """
    click.echo(sign_token(settings_with_existing_secret(path).auth, user, ttl, name))


def sign_token(auth: AuthSettings, user: str, ttl: float, name: str | None) -> str:
    """A JWT (RFC 7519) that expires in `ttl` seconds. Raises Failure where no secret is in use."""
    if not (auth.secret and auth.hmac):
        raise Failure(
            "Tokens are not checked by auth.secret: sign one with the private key of your site."
        )
    try:
        claims: dict[str, object] = {auth.user_claim: user_of(user).removeprefix(auth.user_prefix)}
    except InvalidFrame as error:
        raise Failure(f"--user: {error}") from None
    claims["exp"] = int(time.time() + ttl)
    given = {"name": name, "aud": auth.audience, "iss": auth.issuer}
    claims |= {claim: value for claim, value in given.items() if value}
    return jwt.encode(claims, auth.secret, auth.hmac[0])
