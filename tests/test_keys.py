"""The keys that check tokens: in the settings, or fetched from who publishes them."""

import asyncio
import json
import logging
import socket
from base64 import urlsafe_b64encode
from time import monotonic
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from hypothesis import given
from hypothesis import strategies as st
from roomcast.auth import keys
from roomcast.auth.keys import keys_in
from roomcast.settings import BadSetting
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from .inside import served
from .tokens import (
    ED25519,
    ISSUER,
    OTHER_RSA,
    P256,
    P384,
    RSA,
    SECRET,
    WEAK_RSA,
    Clock,
    Publisher,
    authenticator,
    by_hand,
    claims,
    json_values,
    jwk,
    pem,
    private_pem,
    refusal,
    subscriber,
    token,
)

# ---------------------------------------------------------------- keys in the settings


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSA, "RS256"),
        (RSA, "RS512"),
        (RSA, "PS256"),
        (P256, "ES256"),
        (P384, "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512"),
        (ec.generate_private_key(ec.SECP256K1()), "ES256K"),
        (ED25519, "EdDSA"),
        (ed448.Ed448PrivateKey.generate(), "EdDSA"),
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


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(RSA, "RS256"), (P256, "ES256"), (P384, "ES384"), (ED25519, "EdDSA")],
)
async def test_a_public_key_alone_checks_the_usual_tokens_of_its_kind(key, algorithm):
    by = authenticator(public_key=pem(key))
    assert await by.verify(token(key, algorithm))
    assert "algorithm" in await refusal(by, by_hand({"alg": "HS256"}, claims(), pem(key).encode()))


async def test_what_is_less_usual_is_to_be_asked_for():
    by = authenticator(public_key=pem(RSA))
    assert await by.verify(token(RSA, "RS256"))
    for algorithm in ("RS384", "RS512", "PS256"):
        assert "algorithm" in await refusal(by, token(RSA, algorithm))
    by = authenticator()
    assert await by.verify(token())
    assert "algorithm" in await refusal(by, token("x" * 64, "HS512"))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS384", "PS512"])
async def test_all_hashes_of_an_rsa_key_may_be_asked_for(algorithm):
    by = authenticator(public_key=pem(RSA), algorithms=(algorithm,))
    assert await by.verify(token(RSA, algorithm))
    assert "algorithm" in await refusal(by, token(RSA, "RS256"))


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
        (
            {"public_key": pem(RSA), "algorithms": ("HS256",)},
            "no PEM key that fits auth",
        ),
        ({"public_key": pem(RSA), "algorithms": ("ES256",)}, "no PEM key that fits"),
        ({"public_key": pem(P384), "algorithms": ("ES256",)}, "no PEM key that fits"),
        ({"public_key": pem(WEAK_RSA), "algorithms": ("RS256",)}, "no PEM key that fits"),
        ({"public_key": private_pem(RSA), "algorithms": ("RS256",)}, "private key"),
        ({"public_key": "-----BEGIN PUBLIC KEY-----", "algorithms": ("RS256",)}, "no PEM key"),
        ({"public_key": "/no/such/file", "algorithms": ("RS256",)}, "no file to read: No such"),
        ({"public_key": "a\0b", "algorithms": ("RS256",)}, "no file to read: not a text"),
        ({"public_key": pem(RSA), "jwks_url": ISSUER, "algorithms": ("RS256",)}, "one of the two"),
        ({"jwks_url": ISSUER, "algorithms": ("HS256",)}, "auth.jwks_url: set auth.algorithms"),
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


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(keys, "monotonic", clock)
    return clock


async def test_published_keys_are_fetched_once_and_found_by_their_id():
    issuer = Publisher(jwk(RSA, "a"), jwk(P256, "b"), jwk(ED25519, "c"), jwk(OTHER_RSA, "d"))
    by = subscriber(issuer)
    await by.open()
    assert await by.verify(token(RSA, "RS256", "a"))
    assert await by.verify(token(P256, "ES256", "b"))
    assert await by.verify(token(ED25519, "EdDSA", "c"))
    assert await by.verify(token(OTHER_RSA, "RS256", "d"))
    assert issuer.asked == 1


async def test_without_opening_the_first_token_fetches_the_keys():
    issuer = Publisher(jwk(RSA, "a"))
    assert await subscriber(issuer).verify(token(RSA, "RS256", "a"))


async def test_a_key_id_is_bound_to_its_key():
    by = subscriber(Publisher(jwk(RSA, "a"), jwk(OTHER_RSA, "b"), jwk(P256, "c")))
    assert await by.verify(token(RSA, "RS256", "a"))
    assert await refusal(by, token(RSA, "RS256", "b")) == "The token's signature is wrong."
    assert "not known here" in await refusal(by, token(RSA, "RS256", "c"))


async def test_a_token_without_a_key_id_is_good_where_one_key_alone_fits():
    issuer = Publisher(jwk(RSA, "a"), jwk(P256, "b"), jwk(P384, "c", alg="ES384"))
    by = subscriber(issuer)
    assert await by.verify(token(RSA, "RS256"))
    assert await by.verify(token(P256, "ES256"))
    ambiguous = subscriber(Publisher(jwk(RSA, "a"), jwk(OTHER_RSA, "b")))
    assert "not known here" in await refusal(ambiguous, token(RSA, "RS256"))


async def test_a_key_without_an_id_serves_only_tokens_without_one():
    by = subscriber(Publisher(jwk(RSA)))
    assert await by.verify(token(RSA, "RS256"))
    assert "not known here" in await refusal(by, token(RSA, "RS256", "a"))


async def test_a_new_key_of_the_issuer_is_fetched_when_a_token_names_it(clock):
    issuer = Publisher(jwk(RSA, "old"))
    by = subscriber(issuer)
    await by.open()
    issuer.document = {"keys": [jwk(RSA, "old"), jwk(OTHER_RSA, "new")]}
    clock.now += 10
    assert await by.verify(token(OTHER_RSA, "RS256", "new"))
    assert issuer.asked == 2


async def test_a_rotated_key_is_taken_within_thirty_seconds_whoever_came_before(clock):
    issuer = Publisher(jwk(RSA, "old"))
    by = subscriber(issuer)
    await by.open()
    clock.now += 10
    await refusal(by, token(RSA, "RS256", "made up"))  # the fetch that was due is spent on it
    issuer.document = {"keys": [jwk(OTHER_RSA, "new")]}
    rotated = token(OTHER_RSA, "RS256", "new")
    await refusal(by, rotated)
    clock.now += 30 - keys.FETCH_TIMEOUT
    assert await by.verify(rotated)
    assert issuer.asked == 3


async def test_who_has_a_known_key_waits_for_no_fetch(clock):
    issuer = Publisher(jwk(RSA, "a"))
    by = subscriber(issuer)
    await by.open()
    issuer.free.clear()
    clock.now += 301
    first, second = token(RSA, "RS256", "a"), token(RSA, "RS256", "a", sub="3")
    unknown = asyncio.create_task(by.verify(token(OTHER_RSA, "RS256", "b")))
    issuer.seen.clear()
    await issuer.seen.wait()
    assert (await by.verify(first)).user_id == "2"
    assert (await by.verify(second)).user_id == "3"
    assert not unknown.done(), "the issuer has not answered yet"
    issuer.free.set()
    await asyncio.wait([unknown])
    assert "not known here" in str(unknown.exception())
    assert issuer.asked == 2


async def test_made_up_key_ids_cause_one_fetch_in_ten_seconds(clock):
    issuer = Publisher(jwk(RSA, "a"))
    by = subscriber(issuer)
    await by.open()
    for guess in range(20):
        await refusal(by, token(OTHER_RSA, "RS256", f"guess {guess}"))
    assert issuer.asked == 1
    clock.now += 9.9
    await refusal(by, token(OTHER_RSA, "RS256", "another"))
    assert issuer.asked == 1
    clock.now += 0.1
    for guess in range(20):
        await refusal(by, token(OTHER_RSA, "RS256", f"guess {guess}"))
    assert issuer.asked == 2


async def test_all_who_need_the_keys_share_one_fetch():
    issuer = Publisher(jwk(RSA, "a"))
    issuer.free.clear()
    by = subscriber(issuer)
    tokens = [token(RSA, "RS256", "a", sub=user) for user in range(20)]
    waiting = asyncio.gather(*map(by.verify, tokens))
    await issuer.seen.wait()
    issuer.free.set()
    assert [who.user_id for who in await waiting] == [str(user) for user in range(20)]
    assert issuer.asked == 1


async def test_a_caller_who_goes_away_ends_nobody_elses_fetch():
    issuer = Publisher(jwk(RSA, "a"))
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
    issuer = Publisher(jwk(RSA, "a"))
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
    issuer = Publisher(jwk(RSA, "a"))
    issuer.away = True
    by = subscriber(issuer)
    await by.open()
    assert "can't be fetched" in await refusal(by, token(RSA, "RS256", "a"))
    assert issuer.asked == 1
    issuer.away = False
    clock.now += 2
    assert await by.verify(token(RSA, "RS256", "a"))


async def test_a_key_that_the_issuer_took_back_stops_serving_even_tokens_seen_before(clock):
    issuer = Publisher(jwk(RSA, "a"), jwk(OTHER_RSA, "b"))
    by = subscriber(issuer)
    stolen = token(RSA, "RS256", "a")
    assert await by.verify(stolen)
    issuer.document = {"keys": [jwk(OTHER_RSA, "b")]}
    clock.now += 300.1
    assert await by.verify(stolen), "nobody waits for the fetch that this starts"
    await by.key_sets[0].fetching
    assert issuer.asked == 2
    assert "not known here" in await refusal(by, stolen)
    assert await by.verify(token(OTHER_RSA, "RS256", "b"))


async def test_young_keys_are_not_fetched_again(clock):
    issuer = Publisher(jwk(RSA, "a"))
    by = subscriber(issuer)
    assert await by.verify(token(RSA, "RS256", "a"))
    clock.now += 299
    assert await by.verify(token(RSA, "RS256", "a", sub="3"))
    await by.aclose()
    assert issuer.asked == 1


async def test_hmac_is_never_accepted_against_published_keys():
    secret = urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")
    issuer = Publisher({"kty": "oct", "k": secret, "kid": "s", "alg": "HS256"}, jwk(RSA, "a"))
    by = subscriber(issuer, "HS256", "RS256")
    assert await by.verify(token(RSA, "RS256", "a"))
    for kid in ("s", "a", None):
        assert "algorithm" in await refusal(by, token(kid=kid))
    assert "not known here" in await refusal(by, by_hand({"alg": "RS256", "kid": "s"}, claims()))


async def test_an_oct_key_that_holds_a_pem_is_no_public_key():
    k = urlsafe_b64encode(pem(OTHER_RSA).encode()).decode()
    by = subscriber(Publisher({"kty": "oct", "k": k, "kid": "s"}, jwk(RSA, "a")))
    assert await by.verify(token(RSA, "RS256", "a"))
    assert "not known here" in await refusal(by, token(OTHER_RSA, "RS256", "s"))


async def test_a_published_key_serves_only_the_algorithm_it_names():
    by = subscriber(Publisher(jwk(RSA, "a", alg="RS256")), "RS256", "RS512", "PS256")
    assert await by.verify(token(RSA, "RS256", "a"))
    assert "not known here" in await refusal(by, token(RSA, "RS512", "a"))
    assert "not known here" in await refusal(by, token(RSA, "PS256", "a"))


async def test_published_keys_alone_serve_what_they_say_or_what_is_usual():
    issuer = Publisher(
        jwk(RSA, "a"),
        jwk(OTHER_RSA, "b", alg="PS256"),
        jwk(P384, "c", crv="P-384"),
        jwk(ED25519, "d", alg="EdDSA"),
    )
    by = authenticator(transport=issuer, jwks_url=ISSUER)
    assert await by.verify(token(RSA, "RS256", "a"))
    assert await by.verify(token(OTHER_RSA, "PS256", "b"))
    assert await by.verify(token(P384, "ES384", "c"))
    assert await by.verify(token(ED25519, "EdDSA", "d"))
    for bad in (token(RSA, "RS512", "a"), token(RSA, "PS256", "a"), token(OTHER_RSA, "RS256", "b")):
        assert "not known here" in await refusal(by, bad)
    forged = by_hand({"alg": "HS256", "kid": "a"}, claims(), pem(RSA).encode())
    assert "algorithm" in await refusal(by, forged)
    assert issuer.asked == 1


async def test_a_published_key_that_names_none_serves_those_of_the_settings():
    by = subscriber(Publisher(jwk(RSA, "a")), "RS512", "PS256")
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
    by = subscriber(Publisher(jwk(RSA, "a") | changed, jwk(OTHER_RSA, "b")), "RS256")
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
        assert keys_in(document, keys.ASYMMETRIC_ALGORITHMS)[-1].id == "b"
        assert keys_in(document, ())[-1].id == "b"


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
    issuer = Publisher(jwk(RSA, "a"))
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
    assert await subscriber(Publisher(jwk(key, "a"))).verify(token(key, algorithm, "a"))
    private = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True) | {"kid": "a"}
    by = subscriber(Publisher(private | {"key_ops": ["sign", "verify"]}, jwk(OTHER_RSA, "b")))
    assert await by.verify(token(OTHER_RSA, "RS256", "b"))
    assert "not known here" in await refusal(by, token(key, algorithm, "a"))


@pytest.mark.parametrize("status", [204, 301, 302, 404, 500])
async def test_only_an_answer_of_200_is_taken(status, clock, caplog):
    issuer = Publisher(jwk(RSA, "a"))
    issuer.status, issuer.headers = status, {"location": "https://eve.example/keys"}
    by = subscriber(issuer)
    await by.open()
    assert issuer.asked == 1, "a redirect is not followed"
    assert f"status {status}" in caplog.text
    issuer.status = 200
    clock.now += 2
    assert await by.verify(token(RSA, "RS256", "a"))


async def test_an_issuer_who_never_answers_is_given_up(monkeypatch, caplog):
    monkeypatch.setattr(keys, "FETCH_TIMEOUT", 0.01)
    issuer = Publisher(jwk(RSA, "a"))
    issuer.free.clear()
    by = subscriber(issuer)
    await by.open()
    assert "TimeoutError" in caplog.text


async def test_closing_ends_a_fetch_under_way():
    issuer = Publisher(jwk(RSA, "a"))
    issuer.free.clear()
    by = subscriber(issuer)
    opening = asyncio.create_task(by.open())
    await issuer.seen.wait()
    await by.aclose()
    await asyncio.wait([opening])
    assert opening.cancelled()
    issuer.free.set()


# ---------------------------------------------------------------- a real issuer


async def test_keys_come_over_a_real_connection(caplog):
    caplog.set_level(logging.DEBUG)

    async def keys(request: Any) -> JSONResponse:
        assert request.headers["accept-encoding"] == "identity"
        return JSONResponse({"keys": [jwk(RSA, "a")]})

    async with served(Starlette(routes=[Route("/keys", keys)])) as host:
        by = authenticator(jwks_url=f"http://{host}/keys?key=hidden", algorithms=("RS256",))
        await by.open()
        assert (await by.verify(token(RSA, "RS256", "a"))).user_id == "2"
        assert not [entry for entry in caplog.records if entry.name == "httpx"]
        assert "signature" in await refusal(by, token(OTHER_RSA, "RS256", "a"))
        await by.aclose()


async def test_an_endless_answer_is_cut_off(caplog):
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

    async with served(endless) as host:
        by = authenticator(jwks_url=f"http://{host}", algorithms=("RS256",))
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


async def test_an_issuer_who_falls_silent_holds_up_nobody(monkeypatch, clock, caplog):
    monkeypatch.setattr(keys, "FETCH_TIMEOUT", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))  # the kernel accepts, nobody answers
    with silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/keys"
        by = authenticator(secret=SECRET, jwks_url=url, algorithms=("HS256", "RS256"))
        waiting = asyncio.create_task(by.verify(token(RSA, "RS256", "a")))
        longest, last = 0.0, monotonic()
        while not waiting.done():
            assert await by.verify(token(sub=str(last)))
            await asyncio.sleep(0)
            longest, last = max(longest, monotonic() - last), monotonic()
    assert "TimeoutError" in caplog.text
    assert "can't be fetched" in str(waiting.exception())
    assert longest < 0.1, "the loop stood still meanwhile"
