"""Who may come in, and every way that others have tried."""

import asyncio
import json
from base64 import urlsafe_b64encode
from time import time
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from roomcast.auth import authenticator as auth
from roomcast.auth import claims as auth_claims
from roomcast.auth.authenticator import Authenticator, Trusted
from roomcast.auth.claims import Identity
from roomcast.auth.tokens import subprotocol_of
from roomcast.protocol.errors import Forbidden, Unauthenticated
from roomcast.protocol.ids import when
from roomcast.settings import AuthSettings, BadSetting, Issuer, Settings
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from .tokens import (
    ISSUER,
    OTHER_RSA,
    P256,
    RSA,
    SECRET,
    Publisher,
    Spelled,
    authenticator,
    bearing,
    by_hand,
    claims,
    hooked,
    json_values,
    jwk,
    pem,
    refusal,
    request,
    session_user,
    subscriber,
    token,
    websocket,
)

# ---------------------------------------------------------------- where the token stands


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
async def test_a_request_bears_its_token_in_the_authorization_header(scheme):
    who = await authenticator().authenticate(bearing(f"{scheme} {token()}"))
    assert who.user_id == "2"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic MjoyCg==", "Bearer tökén"])
async def test_a_header_without_a_bearer_token_is_refused(value):
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(bearing(value))


@pytest.mark.parametrize("before", ["", "Basic ", "Token ", "Bearer:", "Bearer"])
async def test_the_scheme_is_needed_beside_a_good_token(before):
    good = token()
    assert await authenticator().authenticate(bearing(f"Bearer {good}"))
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(bearing(before + good))


async def test_a_request_without_a_header_is_refused():
    with pytest.raises(Unauthenticated, match="Authorization: Bearer"):
        await authenticator().authenticate(request())


async def test_two_headers_or_two_tokens_are_refused_though_each_is_good():
    good = f"Bearer {token()}"
    assert await authenticator().authenticate(bearing(good))
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(
            request(("authorization", good), ("authorization", good))
        )
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(bearing(f"{good}, {good}"))


async def test_a_token_in_the_query_string_is_not_looked_at():
    good = token()
    assert await authenticator().authenticate(bearing(f"Bearer {good}"))
    query = f"token={good}&access_token={good}&authorization=Bearer%20{good}"
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(request(query=query))


@pytest.mark.parametrize("bearer", ["Bearer", "bearer", "BEARER"])
async def test_a_socket_offers_bearer_and_its_token_as_subprotocols(bearer):
    connection = websocket(bearer, token())
    assert (await authenticator().authenticate(connection)).user_id == "2"
    assert subprotocol_of(connection.scope) == bearer


async def test_bearer_is_found_among_other_subprotocols():
    connection = websocket("chat.v2", "Bearer", token(), "chat.v1")
    assert (await authenticator().authenticate(connection)).user_id == "2"
    assert subprotocol_of(connection.scope) == "Bearer"


async def test_bearer_alone_is_refused_cleanly_and_still_echoed():
    connection = websocket("Bearer")
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(connection)
    assert subprotocol_of(connection.scope) == "Bearer"


async def test_a_token_before_bearer_or_without_it_is_neither_taken_nor_echoed():
    good = token()
    assert await authenticator().authenticate(websocket("Bearer", good))
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(websocket(good, "Bearer"))
    with pytest.raises(Unauthenticated):
        await authenticator().authenticate(websocket(good))
    assert subprotocol_of(websocket(good).scope) is None
    assert subprotocol_of(websocket(good, "Bearer").scope) == "Bearer"


@pytest.mark.parametrize("offered", [(), ("chat.v2",), ("Bearer",)])
async def test_a_socket_of_no_browser_may_send_the_header_instead(offered):
    connection = websocket(*offered, authorization=f"Bearer {token()}")
    assert (await authenticator().authenticate(connection)).user_id == "2"


async def test_the_token_among_the_subprotocols_comes_before_the_header():
    connection = websocket("Bearer", token(sub="ada"), authorization=f"Bearer {token(sub='eve')}")
    assert (await authenticator().authenticate(connection)).user_id == "ada"


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
    assert who.expires_at == auth_claims.MAX_EXPIRY + 60
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


PUBLIC = jwt.get_algorithm_by_name("RS256").to_jwk(OTHER_RSA.public_key(), as_dict=True)


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": PUBLIC},
        {"jwk": PUBLIC | {"kid": "a"}, "kid": "a"},
        {"x5c": [pem(OTHER_RSA).split("-----")[2].replace("\n", "")]},
        {"jku": "https://eve.example/keys", "kid": "eve"},
        {"x5u": "https://eve.example/cert", "x5t": "AAAA", "x5t#S256": "AAAA"},
    ],
)
async def test_a_key_that_comes_with_a_token_is_neither_taken_nor_fetched(header):
    issuer = Publisher(jwk(RSA, "a"))
    published = subscriber(issuer, "RS256")
    fixed = authenticator(public_key=pem(RSA), algorithms=("RS256",))
    good = jwt.encode(claims(), RSA, "RS256", header | {"kid": "a"})
    forged = jwt.encode(claims(), OTHER_RSA, "RS256", header)
    for by in (published, fixed):
        assert await by.verify(good)
        assert await refusal(by, forged)
    assert issuer.asked == 1


@pytest.mark.parametrize("signature", [b"", b"\0", b"\0" * 64, b"\xff" * 64, b"\0" * 63 + b"\1"])
async def test_an_empty_signature_of_a_curve_is_none(signature):
    by = authenticator(public_key=pem(P256))
    good = token(P256, "ES256")
    assert await by.verify(good)
    empty = urlsafe_b64encode(signature).decode().rstrip("=")
    assert await refusal(by, good.rpartition(".")[0] + "." + empty)


def spelled(header: bytes, body: bytes) -> str:
    """A token of these very bytes, rightly signed."""
    return by_hand(Spelled(header), Spelled(body))


def the_claims(more: str = "") -> bytes:
    return b'{"sub": "2", "exp": %d%s}' % (int(time()) + 60, more.encode())


@pytest.mark.parametrize(
    ("header", "more"),
    [
        ('{"alg": "none", "alg": "HS256"}', ""),
        ('{"alg": "HS256", "alg": "HS256"}', ""),
        ('{"alg": "HS256", "\\u0061lg": "HS256"}', ""),
        ('{"alg": "HS256", "kid": "a", "kid": "b"}', ""),
        ('{"alg": "HS256"}', ', "sub": "1"'),
        ('{"alg": "HS256"}', ', "exp": 99999999999'),
        ('{"alg": "HS256"}', ', "\\u0073ub": "1"'),
        ('{"alg": "HS256"}', ', "more": {"a": 1, "a": 2}'),
    ],
)
async def test_a_token_that_says_something_twice_is_refused(header, more):
    assert await authenticator().verify(spelled(b'{"alg": "HS256"}', the_claims(', "more": {}')))
    doubled = spelled(header.encode(), the_claims(more))
    assert await refusal(authenticator(), doubled) == "This is not a valid token."


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("[" * 5_000, None),
        ('{"alg": "HS256", "x": ' + "[" * 5_000, None),
        (None, "[" * 5_000),
        (None, '{"sub": "2", "exp": 9999999999, "x": ' + "[" * 5_000),
        (None, '{"sub": "2", "exp": 9999999999, "x": ' + "[" * 2_000 + "]" * 2_000 + "}"),
        (None, '{"sub": "2", "exp": 1e400}'),
        (None, '{"sub": "2", "exp": 9999999999, "nbf": -1e400}'),
        (None, '{"sub": "2", "exp": 9999999999, "x": NaN}'),
        (None, "\ufeff{}"),
        (None, '["sub", "exp"]'),
        ('"HS256"', None),
    ],
)
async def test_json_that_no_issuer_would_write_is_refused(header, body):
    head = b'{"alg": "HS256"}' if header is None else header.encode()
    odd = spelled(head, the_claims() if body is None else body.encode())
    assert await refusal(authenticator(), odd) == "This is not a valid token."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
async def test_a_token_is_utf_8(encoding):
    body = the_claims(', "name": "é"').decode().encode(encoding)
    assert await refusal(authenticator(), spelled(b'{"alg": "HS256"}', body))


@pytest.mark.parametrize(
    "change", ["{}=", "{}==", "{}.", ".{}", "{}.AA", "{}.AA.AA", "{}\n", "{}!"]
)
async def test_a_token_is_three_parts_and_nothing_else(change):
    good = token()
    assert await authenticator().verify(good)
    assert await refusal(authenticator(), change.format(good)) == "This is not a valid token."


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


# ---------------------------------------------------------------- several issuers

PARTNER = "https://partner.example/"
PARTNERS_SECRET = "the secret of a partner, thirty-two bytes"


def between(ours: dict[str, Any], *others: dict[str, Any], **given: Any) -> Authenticator:
    """Ours is [auth], each other one a table of its own."""
    issuers = tuple(Issuer(**other) for other in others)
    return authenticator(**given, **ours, issuers=issuers)


def two_secrets(**ours: Any) -> Authenticator:
    return between({"secret": SECRET} | ours, {"issuer": PARTNER, "secret": PARTNERS_SECRET})


@pytest.mark.parametrize("ours", [{}, {"issuer": "us"}])
async def test_each_issuer_signs_with_a_key_of_his_own(ours):
    by, iss = two_secrets(**ours), ours.get("issuer")
    assert (await by.verify(token(iss=iss, sub="1"))).user_id == "1"
    assert (await by.verify(token(PARTNERS_SECRET, iss=PARTNER, sub="2"))).user_id == "2"
    wrong = "The token's signature is wrong."
    assert await refusal(by, token(iss=PARTNER)) == wrong
    assert await refusal(by, token(PARTNERS_SECRET, iss=iss)) != ""


async def test_who_names_no_issuer_is_ours_only_where_ours_has_no_name():
    assert await two_secrets().verify(token())
    assert await two_secrets().verify(token(iss="https://elsewhere.example"))
    for iss in (None, "https://elsewhere.example", PARTNER.rstrip("/"), PARTNER.upper(), ""):
        said = await refusal(two_secrets(issuer="us"), token(iss=iss))
        assert said == "The token comes from another issuer (iss)."


@pytest.mark.parametrize("iss", [[PARTNER], {PARTNER: 1}, 5, True])
async def test_an_issuer_is_named_by_a_text(iss):
    by = between({}, {"issuer": PARTNER, "secret": SECRET})
    assert await by.verify(token(iss=PARTNER))
    assert "(iss)" in await refusal(by, by_hand({"alg": "HS256"}, claims(iss=iss)))


async def test_without_a_key_of_ours_others_alone_are_believed():
    by = between({}, {"issuer": PARTNER, "secret": PARTNERS_SECRET})
    assert await by.verify(token(PARTNERS_SECRET, iss=PARTNER))
    assert "(iss)" in await refusal(by, token(PARTNERS_SECRET))


async def test_each_issuer_has_algorithms_an_audience_and_a_leeway_of_his_own():
    by = between(
        {"secret": SECRET},
        {"issuer": "a", "public_key": pem(RSA), "audience": "chat", "leeway": 30},
        {"issuer": "b", "public_key": pem(RSA), "algorithms": ("PS256",), "user_claim": "uid"},
    )
    late = int(time()) - 20
    assert (await by.verify(token(RSA, "RS256", iss="a", aud="chat", exp=late))).user_id == "2"
    assert (await by.verify(token(RSA, "PS256", iss="b", uid="7"))).user_id == "7"
    assert "algorithm" in await refusal(by, token(RSA, "RS256", iss="b", uid="7"))
    assert "algorithm" in await refusal(by, token(RSA, "PS256", iss="a", aud="chat"))
    assert "expired" in await refusal(by, token(RSA, "PS256", iss="b", uid="7", exp=late))
    assert "aud" in await refusal(by, token(RSA, "RS256", iss="a"))
    assert "uid" in await refusal(by, token(RSA, "PS256", iss="b"))
    for iss in ("a", "b"):
        forged = by_hand({"alg": "HS256"}, claims(iss=iss, aud="chat", uid="7"))
        assert "algorithm" in await refusal(by, forged)


async def test_a_key_id_means_the_key_of_its_own_issuer():
    class Both(httpx.AsyncBaseTransport):
        """Two tenants whose keys have the same id."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            key = {"a.example": RSA, "b.example": OTHER_RSA}[request.url.host]
            content = json.dumps({"keys": [jwk(key, "1")]}).encode()
            return httpx.Response(200, stream=httpx.ByteStream(content))

    tables = [
        {"issuer": name, "jwks_url": f"https://{name}.example/keys", "user_prefix": f"{name}:"}
        for name in ("a", "b")
    ]
    by = between({}, *tables, transport=Both())
    await by.open()
    assert (await by.verify(token(RSA, "RS256", "1", iss="a"))).user_id == "a:2"
    assert (await by.verify(token(OTHER_RSA, "RS256", "1", iss="b"))).user_id == "b:2"
    assert "signature" in await refusal(by, token(RSA, "RS256", "1", iss="b"))
    assert "signature" in await refusal(by, token(OTHER_RSA, "RS256", "1", iss="a"))


async def test_an_address_in_a_token_is_never_asked():
    issuer = Publisher(jwk(RSA, "a"))
    by = between({}, {"issuer": PARTNER, "jwks_url": ISSUER}, transport=issuer)
    assert await by.verify(token(RSA, "RS256", "a", iss=PARTNER))
    for iss in ("https://eve.example/", "http://169.254.169.254/", f"{PARTNER}../", ISSUER):
        assert "(iss)" in await refusal(by, token(OTHER_RSA, "RS256", "a", iss=iss))
    assert issuer.asked == 1


async def test_a_prefix_keeps_the_users_of_issuers_apart():
    partner = {"issuer": PARTNER, "secret": PARTNERS_SECRET, "user_prefix": "partner:"}
    by = between({"secret": SECRET}, partner)
    assert (await by.verify(token(sub="1"))).user_id == "1"
    for sub in ("1", 1):
        theirs = by_hand({"alg": "HS256"}, claims(iss=PARTNER, sub=sub), PARTNERS_SECRET.encode())
        assert (await by.verify(theirs)).user_id == "partner:1"
    for sub in ("", "x" * 250):
        bad = token(PARTNERS_SECRET, iss=PARTNER, sub=sub)
        assert await refusal(by, bad) == "The token's claim sub is no user id."


@pytest.mark.parametrize(
    ("ours", "other", "said"),
    [
        ({}, {"issuer": "a"}, "auth.issuers[0]: there is no key"),
        ({}, {"issuer": "a", "jwks_url": "keys"}, "auth.issuers[0].jwks_url: an absolute"),
        ({}, {"issuer": "a", "public_key": "none.pem"}, "auth.issuers[0].public_key: no PEM"),
        ({}, {"issuer": "a", "secret": "short"}, "auth.issuers[0].secret: HS256 needs"),
        (
            {"secret": SECRET, "algorithms": ("RS256",)},
            {"issuer": "a", "secret": SECRET},
            "auth: there is no key",
        ),
    ],
)
def test_an_issuer_whom_nobody_could_be_from_is_named(ours, other, said):
    with pytest.raises(BadSetting) as caught:
        between(ours, other)
    assert str(caught.value).startswith(said)


# ---------------------------------------------------------------- tokens seen before


async def test_a_signature_is_checked_once(monkeypatch):
    by = authenticator()
    good = token()
    first = await by.verify(good)
    monkeypatch.setattr(Trusted, "identity", None)
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
    monkeypatch.setattr(auth, "MAX_VERIFIED_TOKENS", 3)
    by = authenticator()
    for user in range(10):
        assert (await by.verify(token(sub=user))).user_id == str(user)
    assert [who.user_id for who in by.verified.values()] == ["7", "8", "9"]


async def test_neither_tokens_nor_secrets_are_kept_where_they_could_be_shown():
    by = authenticator()
    good = token()
    await by.verify(good)
    shown = repr([by, by.__dict__ | {"_auth": ""}])
    assert good not in shown
    assert SECRET not in shown


# ---------------------------------------------------------------- the host's hook


def answering(answer: Any) -> Authenticator:
    async def hook(connection: HTTPConnection) -> Any:
        return answer

    return hooked(hook)


async def test_a_hook_says_who_is_there():
    who = await hooked().authenticate(request(("cookie", "user=ada")))
    assert who == Identity("ada", None, None, None, by_hook=True)
    socket_scope = {"type": "websocket", "headers": [(b"cookie", b"user=ada")], "subprotocols": []}
    assert (await hooked().authenticate(HTTPConnection(socket_scope))).user_id == "ada"


async def test_a_hook_may_answer_with_a_number():
    assert (await answering(7).authenticate(request())).user_id == "7"
    assert (await answering(0).authenticate(request())).user_id == "0"


async def test_whom_the_hook_does_not_know_is_refused_even_with_a_token():
    by = Authenticator(Settings(auth=AuthSettings(secret=SECRET)), session_user)
    assert await authenticator().authenticate(bearing(f"Bearer {token()}"))
    with pytest.raises(Unauthenticated, match="Nobody is signed in"):
        await by.authenticate(bearing(f"Bearer {token()}"))
    with pytest.raises(Unauthenticated, match="takes no tokens"):
        await by.verify(token())


@pytest.mark.parametrize("answer", ["", True, False, 2.0, "a\0", "x" * 256, [], object()])
async def test_an_answer_of_the_hook_that_is_no_user_id_is_the_hosts_mistake(answer):
    with pytest.raises(ValueError, match="authenticate="):
        await answering(answer).authenticate(request())


async def test_what_the_hook_raises_is_not_swallowed():
    async def broken(connection: HTTPConnection) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await hooked(broken).authenticate(request())


@pytest.mark.parametrize(
    ("status", "refusal_"), [(401, Unauthenticated), (403, Forbidden), (503, HTTPException)]
)
async def test_a_hook_may_refuse_in_the_words_of_its_framework(status, refusal_):
    async def hook(connection: HTTPConnection) -> str:
        raise HTTPException(status)

    with pytest.raises(refusal_):
        await hooked(hook).authenticate(request())


async def test_with_a_hook_the_issuer_is_not_asked():
    issuer = Publisher(jwk(RSA, "a"))
    by = authenticator(session_user, issuer, jwks_url=ISSUER, algorithms=("RS256",))
    await by.open()
    await by.aclose()
    assert issuer.asked == 0
