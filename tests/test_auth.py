"""Who may come in, and every way that others have tried."""

import asyncio
import hashlib
import hmac
import json
import socket
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from time import time
from typing import Any

import httpx
import jwt
import pytest
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from roomcast import auth
from roomcast.auth import Authenticator, Identity, is_foreign, keys_in, subprotocol_of
from roomcast.errors import Unauthenticated
from roomcast.frames import when
from roomcast.settings import Auth, BadSetting, Server, Settings
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import Route

SECRET = "a secret of thirty-two bytes, or more"
ISSUER = "https://issuer.example/keys"


def pem(key: Any) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def private_pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
WEAK_RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def authenticator(hook: Any = None, transport: Any = None, **given: Any) -> Authenticator:
    given = given or {"secret": SECRET}
    return Authenticator(Settings(auth=Auth(**given)), hook, transport=transport)


def claims(**changed: Any) -> dict[str, Any]:
    whole = {"sub": "2", "exp": int(time()) + 60} | changed
    return {name: value for name, value in whole.items() if value is not None}


def token(key: Any = SECRET, algorithm: str = "HS256", kid: Any = None, **changed: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changed), key, algorithm, headers)


def by_hand(header: Any, body: Any, key: bytes = SECRET.encode()) -> str:
    """A token that no library would make; signed with HMAC-SHA256 whatever its header says."""

    def part(data: bytes) -> str:
        return urlsafe_b64encode(data).decode().rstrip("=")

    signed = ".".join(part(json.dumps(x).encode()) for x in (header, body))
    return f"{signed}.{part(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def request(*headers: tuple[str, str], query: str = "") -> HTTPConnection:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw, "query_string": query.encode()})


def bearing(value: str) -> HTTPConnection:
    return request(("authorization", value))


def websocket(*offered: str, authorization: str = "") -> HTTPConnection:
    raw = [(b"authorization", authorization.encode())] if authorization else []
    scope = {"type": "websocket", "headers": raw, "subprotocols": list(offered)}
    return HTTPConnection(scope)


async def refusal(by: Authenticator, bad: str) -> str:
    """What is said to this token, after a good one has been let in."""
    with pytest.raises(Unauthenticated) as caught:
        await by.verify(bad)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


# ---------------------------------------------------------------- where the token stands


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_a_request_bears_its_token_in_the_authorization_header(scheme):
    who = await authenticator()(bearing(f"{scheme} {token()}"))
    assert who.user_id == "2"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic MjoyCg==", "Bearer tökén"])
async def test_a_header_without_a_bearer_token_is_refused(value):
    with pytest.raises(Unauthenticated):
        await authenticator()(bearing(value))


@pytest.mark.parametrize("before", ["", "Basic ", "Token ", "Bearer:", "Bearer"])
async def test_the_scheme_is_needed_beside_a_good_token(before):
    good = token()
    assert await authenticator()(bearing(f"Bearer {good}"))
    with pytest.raises(Unauthenticated):
        await authenticator()(bearing(before + good))


async def test_a_request_without_a_header_is_refused():
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        await authenticator()(request())


async def test_two_headers_or_two_tokens_are_refused_though_each_is_good():
    good = f"Bearer {token()}"
    assert await authenticator()(bearing(good))
    with pytest.raises(Unauthenticated):
        await authenticator()(request(("authorization", good), ("authorization", good)))
    with pytest.raises(Unauthenticated):
        await authenticator()(bearing(f"{good}, {good}"))


async def test_a_token_in_the_query_string_is_not_looked_at():
    good = token()
    assert await authenticator()(bearing(f"Bearer {good}"))
    query = f"token={good}&access_token={good}&authorization=Bearer%20{good}"
    with pytest.raises(Unauthenticated):
        await authenticator()(request(query=query))


@pytest.mark.parametrize("bearer", ["Bearer", "bearer", "BEARER"])
async def test_a_socket_offers_bearer_and_its_token_as_subprotocols(bearer):
    connection = websocket(bearer, token())
    assert (await authenticator()(connection)).user_id == "2"
    assert subprotocol_of(connection.scope) == bearer


async def test_bearer_is_found_among_other_subprotocols():
    connection = websocket("chat.v2", "Bearer", token(), "chat.v1")
    assert (await authenticator()(connection)).user_id == "2"
    assert subprotocol_of(connection.scope) == "Bearer"


async def test_bearer_alone_is_refused_cleanly_and_still_echoed():
    connection = websocket("Bearer")
    with pytest.raises(Unauthenticated):
        await authenticator()(connection)
    assert subprotocol_of(connection.scope) == "Bearer"


async def test_a_token_before_bearer_or_without_it_is_neither_taken_nor_echoed():
    good = token()
    assert await authenticator()(websocket("Bearer", good))
    with pytest.raises(Unauthenticated):
        await authenticator()(websocket(good, "Bearer"))
    with pytest.raises(Unauthenticated):
        await authenticator()(websocket(good))
    assert subprotocol_of(websocket(good).scope) is None
    assert subprotocol_of(websocket(good, "Bearer").scope) == "Bearer"


@pytest.mark.parametrize("offered", [(), ("chat.v2",), ("Bearer",)])
async def test_a_socket_of_no_browser_may_send_the_header_instead(offered):
    connection = websocket(*offered, authorization=f"Bearer {token()}")
    assert (await authenticator()(connection)).user_id == "2"


async def test_the_token_among_the_subprotocols_comes_before_the_header():
    connection = websocket("Bearer", token(sub="ada"), authorization=f"Bearer {token(sub='eve')}")
    assert (await authenticator()(connection)).user_id == "ada"


def test_a_request_has_no_subprotocol():
    assert subprotocol_of(request().scope) is None


# ---------------------------------------------------------------- what a token says


async def test_an_identity_says_who_until_when_and_how_to_show_him():
    until = int(time()) + 60
    picture = "https://site.example/ada.png?s=64"
    who = await authenticator().verify(token(sub="ada", exp=until, name="Ада", picture=picture))
    assert who == Identity("ada", until, "Ада", picture, by_hook=False)


async def test_a_number_and_its_decimal_are_the_same_user():
    assert (await authenticator().verify(token(sub="19639"))).user_id == "19639"
    assert (await authenticator().verify(token(sub=19639))).user_id == "19639"


@pytest.mark.parametrize("user", ["x" * 255, "017", "ада", "👩‍🚀", " ", 0, -5, 2**70])
async def test_any_clean_string_or_integer_may_be_a_user(user):
    assert (await authenticator().verify(token(sub=user))).user_id == str(user)


@pytest.mark.parametrize(
    "user",
    ["", "x" * 256, "a\0b", "\ud800", "a\udfffb", True, False, 2.0, [], ["2"], {"id": 2}, 10**300],
)
async def test_a_claim_that_is_no_user_id_is_refused(user):
    words = await refusal(authenticator(), by_hand({"alg": "HS256"}, claims(sub=user)))
    assert words == "The token's claim sub is no user id."


async def test_another_claim_may_name_the_user():
    by = authenticator(secret=SECRET, user_claim="https://site.example/uid")
    good = by_hand({"alg": "HS256"}, claims(sub="eve") | {"https://site.example/uid": 7})
    assert (await by.verify(good)).user_id == "7"
    assert "https://site.example/uid" in await refusal(by, token(sub="eve"))


async def test_an_email_is_nobody_where_sub_is_the_claim():
    assert "sub" in await refusal(authenticator(), token(sub=None, email="ada@site.example"))


@pytest.mark.parametrize("claim", ["exp", "sub"])
async def test_exp_and_the_user_are_required(claim):
    words = await refusal(authenticator(), token(**{claim: None}))
    assert words == f"The token lacks the claim {claim}."
    null = by_hand({"alg": "HS256"}, claims() | {claim: None})
    assert await refusal(authenticator(), null) == words


@pytest.mark.parametrize("ago", [0, 1, 3600, 1.7e9, 1e30, 10**400])
async def test_an_expired_token_is_refused(ago):
    exp = int(time()) - ago if isinstance(ago, int) else time() - ago
    expired = by_hand({"alg": "HS256"}, claims(exp=exp))
    assert await refusal(authenticator(), expired) == "The token has expired."


@pytest.mark.parametrize("exp", [1e30, 1e308, 10**18, 10**400, 253_402_300_800])
async def test_an_expiry_beyond_all_dates_is_capped_to_one_that_can_be_said(exp):
    by = authenticator(secret=SECRET, leeway=60)
    who = await by.verify(by_hand({"alg": "HS256"}, claims(exp=exp)))
    assert who.expires_at == auth.END_OF_TIME + 60
    assert when(int(who.expires_at * 1_000_000)).startswith("9999-01-01T00:01:00")


@pytest.mark.parametrize(
    "exp",
    [float("nan"), float("inf"), float("-inf"), "9999999999", "soon", "", True, [9999999999], {}],
)
async def test_an_expiry_that_is_no_finite_number_is_refused(exp):
    assert await refusal(authenticator(), by_hand({"alg": "HS256"}, claims(exp=exp)))


async def test_an_integer_too_long_to_read_is_refused():
    body = json.dumps(claims(exp=0)).replace('"exp": 0', f'"exp": {"9" * 5000}')
    signed = jwt.api_jws.encode(body.encode(), SECRET, "HS256")
    assert await refusal(authenticator(), signed) == "This is not a valid token."


async def test_leeway_lets_a_token_live_so_much_longer():
    now = int(time())
    late = token(exp=now - 20)
    assert await refusal(authenticator(), late) == "The token has expired."
    who = await authenticator(secret=SECRET, leeway=30).verify(late)
    assert who.expires_at == now + 10
    await refusal(authenticator(secret=SECRET, leeway=10), late)


async def test_a_token_is_not_good_before_its_nbf():
    assert await authenticator().verify(token(nbf=int(time()) - 1))
    words = await refusal(authenticator(), token(nbf=int(time()) + 60))
    assert words == "The token is not valid yet (nbf)."
    assert await authenticator(secret=SECRET, leeway=60).verify(token(nbf=int(time()) + 30))


@pytest.mark.parametrize("nbf", [float("nan"), float("inf"), 1e300, 10**400, "0", True, [], None])
async def test_an_nbf_that_is_no_time_gone_by_is_refused(nbf):
    assert await refusal(authenticator(), by_hand({"alg": "HS256"}, claims() | {"nbf": nbf}))


@pytest.mark.parametrize("claim", [{"iat": 9e9}, {"iat": "yesterday"}, {"jti": 7}, {"aud": "x"}])
async def test_claims_that_nobody_asked_for_are_no_reason_to_refuse(claim):
    assert await authenticator().verify(by_hand({"alg": "HS256"}, claims(**claim)))


@pytest.mark.parametrize("aud", ["chat", ["chat"], ["mail", "chat"]])
async def test_a_token_for_our_audience_is_good(aud):
    assert await authenticator(secret=SECRET, audience="chat").verify(token(aud=aud))


@pytest.mark.parametrize(
    "aud", [None, "", "mail", "chat2", "cha", ["mail"], [], [["chat"]], {"chat": 1}, 5, True]
)
async def test_a_token_for_another_audience_is_refused(aud):
    by = authenticator(secret=SECRET, audience="chat")
    assert "aud" in await refusal(by, by_hand({"alg": "HS256"}, claims(aud=aud)))


async def test_a_token_of_our_issuer_is_good():
    assert await authenticator(secret=SECRET, issuer="site").verify(token(iss="site"))


@pytest.mark.parametrize("iss", [None, "", "Site", "site2", "si", ["site"], {"site": 1}, 5])
async def test_a_token_of_another_issuer_is_refused(iss):
    by = authenticator(secret=SECRET, issuer="site")
    assert "iss" in await refusal(by, by_hand({"alg": "HS256"}, claims(iss=iss)))


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("عمر", "عمر"),
        ("x" * 200, "x" * 200),
        (" Ada\n\tL. ", "AdaL."),
        ("\u202eadA\u2066", "adA"),
        ("x" * 201, None),
        ("", None),
        (" \u202e ", None),
        ("a\0", None),
        ("\ud800", None),
        (5, None),
        (["Ada"], None),
        ({"first": "Ada"}, None),
    ],
)
async def test_a_name_is_shown_only_where_it_is_one(claim, shown):
    who = await authenticator().verify(by_hand({"alg": "HS256"}, claims(name=claim)))
    assert who.name == shown


@pytest.mark.parametrize(
    "claim", ["https://site.example/a.png", "http://site.example:8080/я.png", "HTTPS://S.example/"]
)
async def test_a_picture_is_an_absolute_web_address(claim):
    who = await authenticator().verify(token(picture=claim))
    assert who.picture == claim


@pytest.mark.parametrize(
    "claim",
    [
        "/a.png",
        "//site.example/a.png",
        "a.png",
        "",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:image/png;base64,AAAA",
        "https://",
        "https:///a.png",
        "http://[::1/a.png",
        "http://site.example:port/",
        "https://site.example/a b.png",
        "https://site.example/\u202e.png",
        "https://site.example/\ud800",
        "https://site.example/" + "x" * 2000,
        5,
        ["https://site.example/a.png"],
    ],
)
async def test_what_is_no_web_address_is_no_picture(claim):
    who = await authenticator().verify(by_hand({"alg": "HS256"}, claims(picture=claim)))
    assert (who.user_id, who.picture) == ("2", None)


# ---------------------------------------------------------------- forged tokens


@pytest.mark.parametrize(
    "bad",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "Bearer",
        "tökén",
        "\ud800",
        "\0",
        "e30.e30.",
        "W10.e30.AA",
        "bnVsbA.e30.AA",
        "[" * 10_000,
    ],
)
async def test_what_is_no_token_is_refused(bad):
    assert await refusal(authenticator(), bad)


async def test_a_token_of_three_megabytes_is_refused_before_it_is_read():
    huge = token(pad="x" * 3_000_000)
    assert await refusal(authenticator(), huge) == "This is not a valid token."
    assert await authenticator().verify(token(pad="x" * 10_000))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
async def test_an_unsigned_token_is_refused(alg):
    forged = by_hand({"alg": alg}, claims())
    await refusal(authenticator(), forged)
    await refusal(authenticator(), forged.rpartition(".")[0] + ".")


@pytest.mark.parametrize(
    "alg", [None, 5, True, ["HS256"], {"HS256": 1}, "hs256", "HS256 ", "HS512", "RS256", "dir"]
)
async def test_the_header_cannot_ask_for_another_algorithm(alg):
    assert await authenticator().verify(by_hand({"alg": "HS256"}, claims()))
    words = await refusal(authenticator(), by_hand({"alg": alg}, claims()))
    assert words == "The token is signed with an algorithm that is not accepted here."


@pytest.mark.parametrize(
    "header",
    [
        {"kid": 5},
        {"kid": None},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": "b64", "b64": True},
        {"b64": False},
        {"b64": False, "crit": ["b64"]},
    ],
)
async def test_a_header_that_asks_for_what_is_not_known_is_refused(header):
    assert await refusal(authenticator(), by_hand({"alg": "HS256"} | header, claims()))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' or 1=1"},
        {"kid": "\ud800"},
        {"jku": "https://eve.example/keys"},
        {"x5u": "https://eve.example/cert"},
    ],
)
async def test_a_header_cannot_bring_its_own_key(header):
    evil = b"a key that eve made, thirty-two bytes and more"
    own = {"alg": "HS256", "jwk": {"kty": "oct", "k": urlsafe_b64encode(evil).decode()}}
    assert await authenticator().verify(by_hand(own | header, claims()))
    words = await refusal(authenticator(), by_hand(own | header, claims(), evil))
    assert words == "The token's signature is wrong."


async def test_a_changed_token_is_refused_at_every_place():
    good = by_hand({"alg": "HS256"}, {"sub": "2", "exp": int(time()) + 60})
    by = authenticator()
    assert await by.verify(good)
    changed = [good[:i] + ("A" if c != "A" else "B") + good[i + 1 :] for i, c in enumerate(good)]
    answers = await asyncio.gather(*map(by.verify, changed), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unauthenticated}


async def test_a_token_signed_with_another_secret_is_refused():
    words = await refusal(authenticator(), token("another secret of thirty-two bytes or more"))
    assert words == "The token's signature is wrong."


@pytest.mark.parametrize("algorithms", [("RS256",), ("RS256", "HS256")])
async def test_a_public_key_is_never_taken_for_a_secret(algorithms):
    public = pem(RSA)
    by = authenticator(public_key=public, algorithms=algorithms)
    assert await by.verify(token(RSA, "RS256"))
    for secret in (public, public.strip(), public.replace("\n", "\\n")):
        forged = by_hand({"alg": "HS256"}, claims(), secret.encode())
        assert "algorithm" in await refusal(by, forged)
        relabelled = by_hand({"alg": "RS256"}, claims(), secret.encode())
        assert await refusal(by, relabelled) == "The token's signature is wrong."


async def test_a_secret_and_a_public_key_each_serve_their_own_algorithm():
    by = authenticator(secret=SECRET, public_key=pem(RSA), algorithms=("HS256", "RS256"))
    assert await by.verify(token())
    assert await by.verify(token(RSA, "RS256"))
    await refusal(by, by_hand({"alg": "RS256"}, claims()))
    await refusal(by, by_hand({"alg": "HS256"}, claims(), pem(RSA).encode()))


@given(
    st.text() | st.text("eyJhbGciOiJIUzI1NiJ9._-=") | st.binary().map(lambda b: b.decode("latin-1"))
)
async def test_no_text_at_all_brings_anything_but_a_refusal(text):
    with pytest.raises(Unauthenticated):
        await authenticator().verify(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
known = st.sampled_from(["sub", "exp", "nbf", "iat", "aud", "iss", "jti", "name", "picture"])


@given(
    st.dictionaries(known, json_values),
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), json_values),
)
@settings(max_examples=100)
async def test_whatever_is_signed_is_an_identity_or_a_refusal(body, header):
    by = authenticator(secret=SECRET, audience="chat", issuer="site")
    for made in (
        by_hand({"alg": "HS256"}, claims() | {"aud": "chat", "iss": "site"} | body),
        by_hand({"alg": "HS256"} | header, claims() | {"aud": "chat", "iss": "site"}),
    ):
        (answer,) = await asyncio.gather(by.verify(made), return_exceptions=True)
        assert isinstance(answer, Identity | Unauthenticated)


# ---------------------------------------------------------------- tokens seen before


async def test_a_signature_is_checked_once(monkeypatch):
    by = authenticator()
    good = token()
    first = await by.verify(good)
    monkeypatch.setattr(by._jwt, "decode", None)
    assert await by.verify(good) is first


async def test_a_token_that_was_good_is_refused_once_it_has_expired(monkeypatch):
    by = authenticator(secret=SECRET, leeway=5)
    aging = token(exp=int(time()) + 4)
    assert await by.verify(aging)
    monkeypatch.setattr(auth, "time", lambda: time() + 8.5)
    assert await by.verify(aging), "the premise: within the leeway it is still good"
    monkeypatch.setattr(auth, "time", lambda: time() + 10)
    monkeypatch.setattr(jwt.api_jwt, "datetime", Later)
    assert await refusal(by, aging) == "The token has expired."


class Later:
    """PyJWT's clock, ten seconds on."""

    @staticmethod
    def now(tz: object) -> "Later":
        return Later()

    def timestamp(self) -> float:
        return time() + 10


async def test_only_so_many_tokens_are_remembered(monkeypatch):
    monkeypatch.setattr(auth, "MAX_VERIFIED", 3)
    by = authenticator()
    for user in range(10):
        assert (await by.verify(token(sub=user))).user_id == str(user)
    assert [who.user_id for who in by._verified.values()] == ["7", "8", "9"]


async def test_neither_tokens_nor_secrets_are_kept_where_they_could_be_shown():
    by = authenticator()
    good = token()
    await by.verify(good)
    shown = repr([by, by.__dict__ | {"_auth": ""}])
    assert good not in shown
    assert SECRET not in shown


# ---------------------------------------------------------------- keys in the settings


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSA, "RS256"),
        (RSA, "RS512"),
        (RSA, "PS256"),
        (P256, "ES256"),
        (P384, "ES384"),
        (ED25519, "EdDSA"),
    ],
)
async def test_a_public_key_checks_tokens_of_its_kind(key, algorithm):
    by = authenticator(public_key=pem(key), algorithms=(algorithm,))
    assert (await by.verify(token(key, algorithm))).user_id == "2"


async def test_a_key_serves_only_the_algorithms_of_the_settings():
    by = authenticator(public_key=pem(RSA), algorithms=("RS256", "ES256"))
    assert await by.verify(token(RSA, "RS256"))
    assert "algorithm" in await refusal(by, token(RSA, "RS512"))
    assert "algorithm" in await refusal(by, token(RSA, "PS256"))
    assert "algorithm" in await refusal(by, token(P256, "ES256"))
    assert await refusal(by, token(OTHER_RSA, "RS256")) == "The token's signature is wrong."


async def test_a_public_key_may_lie_in_a_file(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text(pem(P256))
    by = authenticator(public_key=str(path), algorithms=("ES256",))
    assert await by.verify(token(P256, "ES256"))


async def test_a_public_key_may_have_its_line_breaks_escaped():
    by = authenticator(public_key=pem(P256).replace("\n", "\\n"), algorithms=("ES256",))
    assert await by.verify(token(P256, "ES256"))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_secret_long_enough_serves_each_hmac(algorithm):
    secret = "x" * (int(algorithm[2:]) // 8)
    by = authenticator(secret=secret, algorithms=(algorithm,))
    assert await by.verify(token(secret, algorithm))


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"secret": ""}, "auth.secret, auth.public_key or auth.jwks_url"),
        ({"secret": SECRET, "algorithms": ("RS256",)}, "auth.secret, auth.public_key"),
        ({"secret": "x" * 31}, "auth.secret: HS256 needs at least 32 bytes"),
        ({"secret": "x" * 63, "algorithms": ("HS512", "HS256")}, "HS512 needs at least 64"),
        ({"secret": pem(RSA)}, "auth.secret: this is a public key"),
        ({"secret": json.dumps({"kty": "oct", "k": "x" * 40})}, "auth.secret: this is"),
        ({"secret": SECRET, "algorithms": ("none",)}, "auth.algorithms: 'none'"),
        ({"secret": SECRET, "algorithms": ("HS256", "none")}, "auth.algorithms: 'none'"),
        ({"secret": SECRET, "algorithms": ("hs256",)}, "auth.algorithms: 'hs256'"),
        ({"public_key": pem(RSA)}, "no PEM key that fits auth.algorithms"),
        ({"public_key": pem(RSA), "algorithms": ("ES256",)}, "no PEM key that fits"),
        ({"public_key": pem(P384), "algorithms": ("ES256",)}, "no PEM key that fits"),
        ({"public_key": pem(WEAK_RSA), "algorithms": ("RS256",)}, "no PEM key that fits"),
        ({"public_key": private_pem(RSA), "algorithms": ("RS256",)}, "private key"),
        ({"public_key": "-----BEGIN PUBLIC KEY-----", "algorithms": ("RS256",)}, "no PEM key"),
        ({"public_key": "/no/such/file", "algorithms": ("RS256",)}, "no file to read: No such"),
        ({"public_key": "a\0b", "algorithms": ("RS256",)}, "no file to read: not a text"),
        ({"public_key": pem(RSA), "jwks_url": ISSUER, "algorithms": ("RS256",)}, "one of the two"),
        ({"jwks_url": ISSUER}, "auth.jwks_url: set auth.algorithms"),
        ({"jwks_url": "file:///etc/keys", "algorithms": ("RS256",)}, "http or https URL"),
        ({"jwks_url": "issuer.example", "algorithms": ("RS256",)}, "http or https URL"),
        ({"jwks_url": "https://", "algorithms": ("RS256",)}, "http or https URL"),
        ({"jwks_url": "https://x\n", "algorithms": ("RS256",)}, "http or https URL"),
    ],
)
def test_settings_that_no_token_could_meet_are_refused_with_a_sentence(given, names):
    with pytest.raises(BadSetting, match=names.replace(".", r"\.")) as caught:
        authenticator(**given)
    assert "x" * 31 not in str(caught.value)


# ---------------------------------------------------------------- keys that the issuer publishes


def jwk(key: Any, kid: str | None = None, **changed: Any) -> dict[str, Any]:
    family = {"R": "RS256", "E": "ES256"}[type(key).__name__[0]]
    method = jwt.get_algorithm_by_name("EdDSA" if key is ED25519 else family)
    return method.to_jwk(key.public_key(), as_dict=True) | ({"kid": kid} if kid else {}) | changed


class Issuer(httpx.AsyncBaseTransport):
    """Publishes keys, and counts who asks."""

    def __init__(self, *keys: Any) -> None:
        self.document: Any = {"keys": list(keys)}
        self.status = 200
        self.headers: dict[str, str] = {}
        self.away = False
        self.asked = 0
        self.free = asyncio.Event()
        self.free.set()
        self.seen = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.seen.set()
        await self.free.wait()
        if self.away:
            raise httpx.ConnectError("no route")
        given = self.document
        content = given if isinstance(given, bytes) else json.dumps(given).encode()
        return httpx.Response(self.status, headers=self.headers, stream=httpx.ByteStream(content))


def subscriber(issuer: httpx.AsyncBaseTransport, *algorithms: str) -> Authenticator:
    return authenticator(
        transport=issuer, jwks_url=ISSUER, algorithms=algorithms or ("RS256", "ES256", "EdDSA")
    )


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(auth, "monotonic", clock)
    return clock


async def test_published_keys_are_fetched_once_and_found_by_their_id():
    issuer = Issuer(jwk(RSA, "a"), jwk(P256, "b"), jwk(ED25519, "c"), jwk(OTHER_RSA, "d"))
    by = subscriber(issuer)
    await by.open()
    assert await by.verify(token(RSA, "RS256", "a"))
    assert await by.verify(token(P256, "ES256", "b"))
    assert await by.verify(token(ED25519, "EdDSA", "c"))
    assert await by.verify(token(OTHER_RSA, "RS256", "d"))
    assert issuer.asked == 1


async def test_without_opening_the_first_token_fetches_the_keys():
    issuer = Issuer(jwk(RSA, "a"))
    assert await subscriber(issuer).verify(token(RSA, "RS256", "a"))


async def test_a_key_id_is_bound_to_its_key():
    by = subscriber(Issuer(jwk(RSA, "a"), jwk(OTHER_RSA, "b"), jwk(P256, "c")))
    assert await by.verify(token(RSA, "RS256", "a"))
    assert await refusal(by, token(RSA, "RS256", "b")) == "The token's signature is wrong."
    assert "not known here" in await refusal(by, token(RSA, "RS256", "c"))


async def test_a_token_without_a_key_id_is_good_where_one_key_alone_fits():
    issuer = Issuer(jwk(RSA, "a"), jwk(P256, "b"), jwk(P384, "c", alg="ES384"))
    by = subscriber(issuer)
    assert await by.verify(token(RSA, "RS256"))
    assert await by.verify(token(P256, "ES256"))
    ambiguous = subscriber(Issuer(jwk(RSA, "a"), jwk(OTHER_RSA, "b")))
    assert "not known here" in await refusal(ambiguous, token(RSA, "RS256"))


async def test_a_key_without_an_id_serves_only_tokens_without_one():
    by = subscriber(Issuer(jwk(RSA)))
    assert await by.verify(token(RSA, "RS256"))
    assert "not known here" in await refusal(by, token(RSA, "RS256", "a"))


async def test_a_new_key_of_the_issuer_is_fetched_when_a_token_names_it(clock):
    issuer = Issuer(jwk(RSA, "old"))
    by = subscriber(issuer)
    await by.open()
    issuer.document = {"keys": [jwk(RSA, "old"), jwk(OTHER_RSA, "new")]}
    clock.now += 30
    assert await by.verify(token(OTHER_RSA, "RS256", "new"))
    assert issuer.asked == 2


async def test_made_up_key_ids_cause_one_fetch_in_thirty_seconds(clock):
    issuer = Issuer(jwk(RSA, "a"))
    by = subscriber(issuer)
    await by.open()
    for guess in range(20):
        await refusal(by, token(OTHER_RSA, "RS256", f"guess {guess}"))
    assert issuer.asked == 1
    clock.now += 29.9
    await refusal(by, token(OTHER_RSA, "RS256", "another"))
    assert issuer.asked == 1
    clock.now += 0.1
    for guess in range(20):
        await refusal(by, token(OTHER_RSA, "RS256", f"guess {guess}"))
    assert issuer.asked == 2


async def test_all_who_need_the_keys_share_one_fetch():
    issuer = Issuer(jwk(RSA, "a"))
    issuer.free.clear()
    by = subscriber(issuer)
    tokens = [token(RSA, "RS256", "a", sub=user) for user in range(20)]
    waiting = asyncio.gather(*map(by.verify, tokens))
    await issuer.seen.wait()
    issuer.free.set()
    assert [who.user_id for who in await waiting] == [str(user) for user in range(20)]
    assert issuer.asked == 1


async def test_a_caller_who_goes_away_ends_nobody_elses_fetch():
    issuer = Issuer(jwk(RSA, "a"))
    issuer.free.clear()
    by = subscriber(issuer)
    gone = asyncio.create_task(by.verify(token(RSA, "RS256", "a")))
    await issuer.seen.wait()
    stays = asyncio.create_task(by.verify(token(RSA, "RS256", "a")))
    gone.cancel()
    await asyncio.wait([gone])
    assert gone.cancelled()
    issuer.free.set()
    assert (await stays).user_id == "2"
    assert issuer.asked == 1


async def test_known_keys_go_on_working_while_the_issuer_is_away(clock, caplog):
    issuer = Issuer(jwk(RSA, "a"))
    by = subscriber(issuer)
    await by.open()
    issuer.away = True
    clock.now += 10_000
    assert await by.verify(token(RSA, "RS256", "a"))
    assert "not known here" in await refusal(by, token(OTHER_RSA, "RS256", "b"))
    assert await by.verify(token(RSA, "RS256", "a", sub="3"))
    assert issuer.asked == 2
    assert "no new keys from issuer.example: ConnectError" in caplog.text


async def test_an_issuer_who_is_away_at_the_start_stops_nothing_and_is_asked_again(clock):
    issuer = Issuer(jwk(RSA, "a"))
    issuer.away = True
    by = subscriber(issuer)
    await by.open()
    assert "can't be fetched" in await refusal(by, token(RSA, "RS256", "a"))
    assert issuer.asked == 1
    issuer.away = False
    clock.now += 2
    assert await by.verify(token(RSA, "RS256", "a"))


async def test_a_key_that_the_issuer_took_back_stops_serving_even_tokens_seen_before(clock):
    issuer = Issuer(jwk(RSA, "a"), jwk(OTHER_RSA, "b"))
    by = subscriber(issuer)
    stolen = token(RSA, "RS256", "a")
    assert await by.verify(stolen)
    issuer.document = {"keys": [jwk(OTHER_RSA, "b")]}
    clock.now += 300.1
    assert await by.verify(stolen), "nobody waits for the fetch that this starts"
    await by._published._fetching
    assert issuer.asked == 2
    assert "not known here" in await refusal(by, stolen)
    assert await by.verify(token(OTHER_RSA, "RS256", "b"))


async def test_young_keys_are_not_fetched_again(clock):
    issuer = Issuer(jwk(RSA, "a"))
    by = subscriber(issuer)
    assert await by.verify(token(RSA, "RS256", "a"))
    clock.now += 299
    assert await by.verify(token(RSA, "RS256", "a", sub="3"))
    await by.aclose()
    assert issuer.asked == 1


async def test_hmac_is_never_accepted_against_published_keys():
    secret = urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
    issuer = Issuer({"kty": "oct", "k": secret, "kid": "s", "alg": "HS256"}, jwk(RSA, "a"))
    by = subscriber(issuer, "HS256", "RS256")
    assert await by.verify(token(RSA, "RS256", "a"))
    for kid in ("s", "a", None):
        assert "algorithm" in await refusal(by, token(kid=kid))
    assert "not known here" in await refusal(by, by_hand({"alg": "RS256", "kid": "s"}, claims()))


async def test_an_oct_key_that_holds_a_pem_is_no_public_key():
    k = urlsafe_b64encode(pem(OTHER_RSA).encode()).decode()
    by = subscriber(Issuer({"kty": "oct", "k": k, "kid": "s"}, jwk(RSA, "a")))
    assert await by.verify(token(RSA, "RS256", "a"))
    assert "not known here" in await refusal(by, token(OTHER_RSA, "RS256", "s"))


async def test_a_published_key_serves_only_the_algorithm_it_names():
    by = subscriber(Issuer(jwk(RSA, "a", alg="RS256")), "RS256", "RS512", "PS256")
    assert await by.verify(token(RSA, "RS256", "a"))
    assert "not known here" in await refusal(by, token(RSA, "RS512", "a"))
    assert "not known here" in await refusal(by, token(RSA, "PS256", "a"))


async def test_a_published_key_that_names_none_serves_those_of_the_settings():
    by = subscriber(Issuer(jwk(RSA, "a")), "RS512", "PS256")
    assert await by.verify(token(RSA, "RS512", "a"))
    assert await by.verify(token(RSA, "PS256", "a"))
    assert "algorithm" in await refusal(by, token(RSA, "RS256", "a"))


@pytest.mark.parametrize(
    "changed",
    [
        {"use": "enc"},
        {"use": 5},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"key_ops": 5},
        {"alg": "ES256"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": "RSA-OAEP"},
        {"alg": ["RS256"]},
        {"alg": None},
        {"kid": 5},
        {"kty": "EC"},
        {"kty": "oct"},
        {"kty": ["RSA"]},
        {"kty": None},
        {"d": "AQAB"},
        {"n": 5},
        {"n": "!"},
        {"n": "é"},
        {"n": ""},
        {"n": None},
        {"e": ""},
        {"e": {}},
        jwk(WEAK_RSA),
    ],
)
async def test_a_published_key_that_cannot_check_signatures_is_passed_over(changed):
    by = subscriber(Issuer(jwk(RSA, "a") | changed, jwk(OTHER_RSA, "b")), "RS256")
    assert await by.verify(token(OTHER_RSA, "RS256", "b"))
    assert "not known here" in await refusal(by, token(RSA, "RS256", "a"))


@given(
    st.dictionaries(
        st.sampled_from(["kty", "n", "e", "x", "y", "crv", "alg", "kid", "use", "key_ops"]),
        json_values
        | st.sampled_from(
            ["RSA", "EC", "OKP", "P-256", "Ed25519", "Ed448", "X25519", "AQAB", "verify"]
        ),
    )
)
def test_no_published_key_takes_its_neighbours_with_it(odd):
    for base in ({}, jwk(RSA), jwk(P256), jwk(ED25519)):
        document = json.dumps({"keys": [base | odd, jwk(OTHER_RSA, "b")]}).encode()
        assert keys_in(document, auth.ASYMMETRIC)[-1].id == "b"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[" * 200_000,
        b" " * 300_000,
        [],
        {},
        "keys",
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": 5},
        {"keys": ["a", 5, None]},
        {"keys": [{"kty": "oct", "k": "AAAA"}]},
    ],
)
async def test_an_answer_that_is_no_key_set_leaves_the_known_keys(document, clock, caplog):
    issuer = Issuer(jwk(RSA, "a"))
    by = subscriber(issuer)
    await by.open()
    issuer.document = document
    clock.now += 60
    assert "not known here" in await refusal(by, token(OTHER_RSA, "RS256", "b"))
    assert issuer.asked == 2
    assert len(caplog.records) == 1
    assert await by.verify(token(RSA, "RS256", "a"))


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (P256, "ES256")])
async def test_a_private_key_that_is_published_is_everybodys_and_proves_nothing(key, algorithm):
    assert await subscriber(Issuer(jwk(key, "a"))).verify(token(key, algorithm, "a"))
    private = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True) | {"kid": "a"}
    by = subscriber(Issuer(private | {"key_ops": ["sign", "verify"]}, jwk(OTHER_RSA, "b")))
    assert await by.verify(token(OTHER_RSA, "RS256", "b"))
    assert "not known here" in await refusal(by, token(key, algorithm, "a"))


@pytest.mark.parametrize("status", [204, 301, 302, 404, 500])
async def test_only_an_answer_of_200_is_taken(status, clock, caplog):
    issuer = Issuer(jwk(RSA, "a"))
    issuer.status, issuer.headers = status, {"location": "https://eve.example/keys"}
    by = subscriber(issuer)
    await by.open()
    assert issuer.asked == 1, "a redirect is not followed"
    assert f"status {status}" in caplog.text
    issuer.status = 200
    clock.now += 2
    assert await by.verify(token(RSA, "RS256", "a"))


async def test_an_issuer_who_never_answers_is_given_up(monkeypatch, caplog):
    monkeypatch.setattr(auth, "JWKS_TIMEOUT", 0.01)
    issuer = Issuer(jwk(RSA, "a"))
    issuer.free.clear()
    by = subscriber(issuer)
    await by.open()
    assert "TimeoutError" in caplog.text


async def test_closing_ends_a_fetch_under_way():
    issuer = Issuer(jwk(RSA, "a"))
    issuer.free.clear()
    by = subscriber(issuer)
    opening = asyncio.create_task(by.open())
    await issuer.seen.wait()
    await by.aclose()
    await asyncio.wait([opening])
    assert opening.cancelled()
    issuer.free.set()


# ---------------------------------------------------------------- a real issuer


@pytest.fixture
async def publish() -> AsyncIterator[Callable[[Any], str]]:
    """Serves an app on a free port of this machine and says where."""
    running: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    def start(app: Any) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        running.append((server, asyncio.create_task(server.serve(sockets=[listening]))))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, task in running:
        server.should_exit = True
        await task


async def test_keys_come_over_a_real_connection(publish):
    async def keys(request: Any) -> JSONResponse:
        assert request.headers["accept-encoding"] == "identity"
        return JSONResponse({"keys": [jwk(RSA, "a")]})

    url = publish(Starlette(routes=[Route("/keys", keys)]))
    by = authenticator(jwks_url=f"{url}/keys", algorithms=("RS256",))
    await by.open()
    assert (await by.verify(token(RSA, "RS256", "a"))).user_id == "2"
    assert "signature" in await refusal(by, token(OTHER_RSA, "RS256", "a"))
    await by.aclose()


async def test_an_endless_answer_is_cut_off(publish, caplog):
    sent = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(gone_away(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": b" " * 65_536, "more_body": True})
            await asyncio.sleep(0)
        sent.set()

    async def gone_away(receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    by = authenticator(jwks_url=publish(endless), algorithms=("RS256",))
    await by.open()
    assert "more than 262144 bytes" in caplog.text
    await sent.wait()


async def test_an_issuer_that_nobody_runs_stops_no_start(caplog):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    by = authenticator(jwks_url=f"http://127.0.0.1:{port}/keys", algorithms=("RS256",))
    await by.open()
    assert "ConnectError" in caplog.text
    assert "can't be fetched" in await refusal(by, token(RSA, "RS256", "a"))


# ---------------------------------------------------------------- the host's hook


async def session_user(connection: HTTPConnection) -> str | int | None:
    return connection.cookies.get("user")


def hooked(hook: Any = session_user, *origins: str) -> Authenticator:
    """No key is needed where the host says who is there."""
    return Authenticator(Settings(server=Server(allowed_origins=origins)), hook)


def answering(answer: Any) -> Authenticator:
    async def hook(connection: HTTPConnection) -> Any:
        return answer

    return hooked(hook)


async def test_a_hook_says_who_is_there():
    who = await hooked()(request(("cookie", "user=ada")))
    assert who == Identity("ada", None, None, None, by_hook=True)
    socket_scope = {"type": "websocket", "headers": [(b"cookie", b"user=ada")], "subprotocols": []}
    assert (await hooked()(HTTPConnection(socket_scope))).user_id == "ada"


async def test_a_hook_may_answer_with_a_number():
    assert (await answering(7)(request())).user_id == "7"
    assert (await answering(0)(request())).user_id == "0"


async def test_whom_the_hook_does_not_know_is_refused_even_with_a_token():
    by = Authenticator(Settings(auth=Auth(secret=SECRET)), session_user)
    assert await authenticator()(bearing(f"Bearer {token()}"))
    with pytest.raises(Unauthenticated, match="Nobody is signed in"):
        await by(bearing(f"Bearer {token()}"))
    with pytest.raises(Unauthenticated, match="takes no tokens"):
        await by.verify(token())


@pytest.mark.parametrize("answer", ["", True, False, 2.0, "a\0", "x" * 256, [], object()])
async def test_an_answer_of_the_hook_that_is_no_user_id_is_the_hosts_mistake(answer):
    with pytest.raises(ValueError, match="authenticate="):
        await answering(answer)(request())


async def test_what_the_hook_raises_is_not_swallowed():
    async def broken(connection: HTTPConnection) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await hooked(broken)(request())


async def test_with_a_hook_the_issuer_is_not_asked():
    issuer = Issuer(jwk(RSA, "a"))
    by = authenticator(session_user, issuer, jwks_url=ISSUER, algorithms=("RS256",))
    await by.open()
    await by.aclose()
    assert issuer.asked == 0


# ---------------------------------------------------------------- origins


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://site.example", "site.example"),
        ("http://site.example", "site.example"),
        ("https://site.example", "site.example:443"),
        ("https://site.example:443", "site.example"),
        ("http://site.example:80", "site.example"),
        ("http://site.example", "site.example:80"),
        ("https://SITE.example", "Site.Example"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://shop.example", "chat.example"),
        ("https://shop.example:443", "chat.example"),
        ("https://deep.example:8443", "chat.example"),
        ("capacitor://localhost", "chat.example"),
    ],
)
def test_the_same_host_and_the_allowed_origins_pass(origin, host):
    allowed = ("https://shop.example", "https://deep.example:8443/", "capacitor://localhost")
    assert not is_foreign(origin, host, allowed)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://eve.example", "site.example"),
        ("https://site.example.eve.example", "site.example"),
        ("https://evesite.example", "site.example"),
        ("https://chat.site.example", "site.example"),
        ("https://site.example", "chat.site.example"),
        ("https://site.example:8443", "site.example"),
        ("https://site.example", "site.example:8443"),
        ("https://site.example", "site.example:80"),
        ("https://site.example:0", "site.example"),
        ("https://site.example@eve.example", "site.example"),
        ("https://user@site.example", "site.example"),
        ("https://eve.example/site.example", "site.example"),
        ("https://eve.example", "eve.example@site.example"),
        ("https://eve.example", "eve.example/site.example"),
        ("http://shop.example", "site.example"),
        ("https://shop.example:8443", "site.example"),
        ("https://site.example:port", "site.example"),
        ("https://[::1", "[::1"),
        ("site.example", "site.example"),
        ("//site.example", "site.example"),
        ("file://", "site.example"),
        ("capacitor://site.example", "site.example"),
        ("null", "site.example"),
        ("null", "null"),
        ("", "site.example"),
        ("", ""),
        ("*", "site.example"),
        ("https://site.example", ""),
        ("https://", ""),
    ],
)
def test_every_other_origin_is_foreign(origin, host):
    assert is_foreign(origin, host, ("https://shop.example", "null"))


def from_page(*origins: str) -> HTTPConnection:
    return request(("host", "site.example"), *(("origin", origin) for origin in origins))


def test_where_a_hook_decides_the_page_must_be_of_this_site_or_allowed():
    by = hooked(session_user, "https://shop.example")
    assert not by.foreign_origin(from_page())
    assert not by.foreign_origin(from_page("https://site.example"))
    assert not by.foreign_origin(from_page("https://shop.example"))
    assert by.foreign_origin(from_page("https://eve.example"))
    assert by.foreign_origin(from_page("null"))
    assert by.foreign_origin(from_page("https://site.example", "https://eve.example"))
    assert by.foreign_origin(request(("origin", "https://site.example")))


@pytest.mark.parametrize("origin", ["https://eve.example", "null", "file://"])
def test_a_token_proves_itself_from_any_origin(origin):
    assert hooked().foreign_origin(from_page(origin))
    assert not authenticator().foreign_origin(from_page(origin))
