"""docs/auth.md as written lets in the tokens of the services that it names, and no others."""

import tomllib
from time import time
from typing import Any

import pytest
from roomcast.auth.authenticator import Authenticator
from roomcast.settings import Settings, load

from .pages import ROOT, blocks
from .tokens import OTHER_RSA, P256, RSA, Publisher, jwk, pem, refusal, token

PAGE = (ROOT / "docs/auth.md").read_text()
RECIPES = [text for _, text in blocks(PAGE, "toml")]
AUTH0 = "https://YOUR-TENANT.eu.auth0.com/"
KEYCLOAK = "https://login.example.com/realms/YOUR-REALM"
FIREBASE = "https://securetoken.google.com/YOUR-PROJECT"
CERTIFICATE = {"x5c": ["MIICmzCCAYMCBgF4"], "x5t": "c29tZXRoaW5n", "x5t#S256": "c29tZXRoaW5n"}

# What each of them publishes and says, beside what every token has.
SERVICES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    AUTH0: (
        [jwk(RSA, "k", use="sig", alg="RS256", **CERTIFICATE)],
        {
            "aud": ["https://chat.example.com", "https://YOUR-TENANT.eu.auth0.com/userinfo"],
            "azp": "my_client_id",
            "scope": "openid profile",
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        },
    ),
    KEYCLOAK: (
        [
            jwk(OTHER_RSA, "e", use="enc", alg="RSA-OAEP", **CERTIFICATE),
            jwk(RSA, "k", use="sig", alg="RS256", **CERTIFICATE),
        ],
        {
            "aud": ["chat", "account"],
            "azp": "shop",
            "jti": "onrtac:5b7c",
            "typ": "Bearer",
            "acr": "1",
            "realm_access": {"roles": ["offline_access"]},
            "sub": "f:8a1c:4d7d9a2e-1b8c-4c55-9f4e-6a4f0e6f5a11",
        },
    ),
    FIREBASE: (
        [jwk(OTHER_RSA, "j", use="sig", alg="RS256"), jwk(RSA, "k", use="sig", alg="RS256")],
        {
            "aud": "YOUR-PROJECT",
            "auth_time": int(time()) - 60,
            "user_id": "Yh2cD5vQkZb1",
            "firebase": {"identities": {}, "sign_in_provider": "anonymous"},
            "sub": "Yh2cD5vQkZb1",
        },
    ),
}


def recipe(issuer: str) -> Settings:
    """The block of the page with this issuer's keys under [auth]."""
    found = [load(tomllib.loads(text)) for text in RECIPES]
    (one,) = [settings for settings in found if settings.auth.issuer == issuer]
    return one


@pytest.mark.parametrize("issuer", SERVICES)
async def test_a_services_tokens_are_let_in_by_its_recipe(issuer: str) -> None:
    published, said = SERVICES[issuer]
    keys = Publisher(*published)
    by = Authenticator(recipe(issuer), transport=keys)
    await by.open()
    good = said | {"iss": issuer, "iat": int(time()), "exp": int(time()) + 3600}
    assert (await by.verify(token(RSA, "RS256", "k", **good))).user_id == said["sub"]
    for wrong in ({"iss": issuer + "x"}, {"aud": "another"}, {"aud": None}, {"exp": int(time())}):
        assert await refusal(by, token(RSA, "RS256", "k", **(good | wrong)))
    assert await refusal(by, token(OTHER_RSA, "RS256", "k", **good))
    assert await refusal(by, token(OTHER_RSA, "RS256", "e", **good))
    assert keys.asked == 1


async def test_the_recipe_for_several_issuers_keeps_them_apart(tmp_path: Any) -> None:
    (text,) = [text for text in RECIPES if "[[auth.issuers]]" in text]
    path = tmp_path / "partner.pem"
    path.write_text(pem(P256))
    given = tomllib.loads(text.replace("/etc/roomcast/partner.pem", str(path)))
    by = Authenticator(load(given), transport=Publisher(jwk(RSA, "k")))
    partner, audience = "https://partner.example.com", "https://chat.example.com"
    secret = given["auth"]["secret"]
    assert (await by.verify(token(secret, sub="7"))).user_id == "7"
    assert (await by.verify(token(P256, "ES256", iss=partner, sub="7"))).user_id == "partner:7"
    ours = token(RSA, "RS256", "k", iss=AUTH0, aud=audience, sub="7")
    assert (await by.verify(ours)).user_id == "7"
    assert await refusal(by, token(secret, iss=partner, sub="7"))


@pytest.mark.parametrize("text", RECIPES, ids=range(len(RECIPES)))
def test_every_recipe_is_one_that_settings_take(text: str) -> None:
    assert load(tomllib.loads(text)) != Settings()
