"""Where settings come from, which one wins, and what a wrong one is told."""

import logging
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from roomcast import settings as module
from roomcast.settings import BadSetting, Settings, load, octets, read, seconds
from roomcast.settings.model import public_part

ROOT = Path(__file__).parent.parent
MANUAL = (ROOT / "settings.toml").read_text()
SECRET = "a secret that is long enough for HS256, and more"

Toml = Callable[[str], Path]


@pytest.fixture
def toml(tmp_path: Path) -> Toml:
    """A settings file with this content."""

    def write(text: str, name: str = "settings.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def refusal(source: object = None, environ: Mapping[str, str] | None = None) -> str:
    """The sentence that this source or these variables are answered with."""
    with pytest.raises(BadSetting) as caught:
        load(source, None, environ or {})  # type: ignore[arg-type] # some are wrong on purpose
    return str(caught.value)


# ---------------------------------------------------------------- the manual


def test_the_manual_says_exactly_the_defaults() -> None:
    assert load(ROOT / "settings.toml", environ={}) == Settings()


def test_the_manual_has_every_setting_and_no_other() -> None:
    named = [
        f"{section}.{key}" for section, table in tomllib.loads(MANUAL).items() for key in table
    ]
    assert named == list(module.HINTS)


@pytest.mark.parametrize("name", module.HINTS)
def test_every_setting_stands_under_a_comment_of_its_group(name: str) -> None:
    section, _, key = name.partition(".")
    body = re.split(rf"^\[{section}\]\n", MANUAL, flags=re.MULTILINE)[1]
    before = re.split(rf"^{key} = ", body, flags=re.MULTILINE)[0].splitlines()
    neighbours = 0
    while re.match(r"[a-z_]+ = |[\]\s]", before[-1 - neighbours]):
        neighbours += 1
    assert before[-1 - neighbours].startswith("# ")


def test_the_page_of_the_docs_shows_the_manual() -> None:
    shown = re.search(r"```toml\n(.*?)```", (ROOT / "docs/settings.md").read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1] == MANUAL, "copy settings.toml into docs/settings.md"


@pytest.mark.parametrize("name", module.HINTS)
def test_every_setting_can_say_what_it_expects(name: str) -> None:
    section, _, key = name.partition(".")
    sentence = refusal({section: {key: object()}})
    assert re.fullmatch(rf"{re.escape(name)}: expected [a-z\d].{{5,}}", sentence, re.IGNORECASE)


# ---------------------------------------------------------------- which one wins


def test_without_anything_the_defaults_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(environ={}) == Settings()


def test_a_file_in_the_current_folder_is_found(toml: Toml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toml("[server]\nport = 9001").parent)
    assert load(environ={}).server.port == 9001


def test_a_file_that_is_named_is_read_instead(toml: Toml, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toml("[server]\nport = 9001").parent)
    other = toml("[server]\nhost = '::1'", "other.toml")
    assert load(other, environ={}).server == module.ServerSettings(host="::1")


def test_a_variable_wins_over_the_file_and_an_option_over_both(toml: Toml) -> None:
    path = toml("[server]\nport = 9001\nhost = '::1'\nworkers = 2")
    environ = {"ROOMCAST_SERVER_PORT": "9002", "ROOMCAST_SERVER_HOST": "::"}
    server = load(path, {"server.port": 9003}, environ).server
    assert (server.workers, server.host, server.port) == (2, "::", 9003)


def test_an_option_that_was_not_given_changes_nothing() -> None:
    assert load({"server": {"port": 9001}}, {"server.port": None}).server.port == 9001


def test_where_each_setting_came_from_is_known(toml: Toml) -> None:
    path = toml("[server]\nport = 9001\nhost = '::1'")
    origins = read(path, {"server.workers": 1}, {"ROOMCAST_SERVER_HOST": "::"}).origins
    assert origins == {
        "server.port": f"{path}: server.port",
        "server.host": "ROOMCAST_SERVER_HOST",
        "server.workers": "server.workers",
    }


@pytest.mark.parametrize("source", [{}, Settings()])
def test_a_mapping_or_settings_read_no_file_and_no_environment(
    source: object, toml: Toml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml("[server]\nport = 9001").parent)
    monkeypatch.setenv("ROOMCAST_SERVER_HOST", "::")
    assert (load().server.port, load().server.host) == (9001, "::")
    assert load(source) == Settings()  # type: ignore[arg-type]


def test_settings_made_by_hand_are_checked_too() -> None:
    assert "server.port: expected a port" in refusal(
        Settings(server=module.ServerSettings(port=70_000))
    )


# ---------------------------------------------------------------- variables


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("SERVER_PORT", "9001", "server.port", 9001),
        ("SERVER_WEB_CLIENT", "false", "server.web_client", False),
        ("SERVER_WEB_CLIENT", "1", "server.web_client", True),
        ("SERVER_LANGUAGES", '["de", "pt-BR"]', "server.languages", ("de", "pt-BR")),
        ("SERVER_ALLOWED_ORIGINS", "[]", "server.allowed_origins", ()),
        ("ATTACHMENTS_DOWNLOAD_URL_TTL", "5m", "attachments.download_url_ttl", 300),
        ("ATTACHMENTS_MAX_SIZE", "1MiB", "attachments.max_size", 1 << 20),
        ("RATE_LIMIT_RATE", "0.5", "rate_limit.rate", 0.5),
        ("AUTH_SECRET", "0" * 32, "auth.secret", "0" * 32),
        ("AUTH_AUDIENCE", "", "auth.audience", ""),
    ],
)
def test_a_variable_is_read_as_its_setting_is_meant(
    variable: str, text: str, name: str, value: object
) -> None:
    section, _, key = name.partition(".")
    loaded = load(ROOT / "settings.toml", None, {f"ROOMCAST_{variable}": text})
    assert getattr(getattr(loaded, section), key) == value


def test_a_variable_may_name_a_file_with_the_value(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    environ = {"ROOMCAST_AUTH_SECRET_FILE": str(tmp_path / "secret")}
    assert load(ROOT / "settings.toml", None, environ).auth.secret == SECRET


def test_a_file_that_a_variable_names_must_be_there(tmp_path: Path) -> None:
    sentence = refusal(environ={"ROOMCAST_AUTH_SECRET_FILE": str(tmp_path / "none")})
    assert sentence.endswith("none cannot be read: No such file or directory")
    assert sentence.startswith("ROOMCAST_AUTH_SECRET_FILE: ")


def test_a_file_that_a_variable_names_must_be_text(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff" * 40)
    environ = {"ROOMCAST_AUTH_SECRET_FILE": str(tmp_path / "secret")}
    assert refusal(environ=environ).endswith("secret is not UTF-8 text")


def test_a_variable_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    environ = {
        "ROOMCAST_AUTH_SECRET": SECRET,
        "ROOMCAST_AUTH_SECRET_FILE": str(tmp_path / "secret"),
    }
    assert refusal(environ=environ) == (
        "ROOMCAST_AUTH_SECRET_FILE: ROOMCAST_AUTH_SECRET is set too; keep one of them"
    )


def test_an_unknown_variable_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    environ = {"ROOMCAST_DATABSE_URL": "x", "ROOMCAST_WHATEVER": "y", "PATH": "z"}
    assert load(ROOT / "settings.toml", None, environ) == Settings()
    assert caplog.messages == [
        "unknown variable ROOMCAST_DATABSE_URL; did you mean ROOMCAST_DATABASE_URL?",
        "unknown variable ROOMCAST_WHATEVER",
    ]


LANGUAGES = 'a list of languages such as en and pt-BR, in JSON: ["…"]'


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("SERVER_PORT", "eighty", "a port from 0 to 65535"),
        ("SERVER_PORT", "", "a port from 0 to 65535"),
        ("SERVER_LANGUAGES", "en,uk", LANGUAGES),
        ("SERVER_LANGUAGES", '"en"', LANGUAGES),
        ("SERVER_WEB_CLIENT", "perhaps", "true or false"),
        (
            "LIMITS_SLOW_CONSUMER_TIMEOUT",
            "soon",
            "seconds, or a duration such as 90s, 5m, 24h or 7d",
        ),
        (
            "LIMITS_SLOW_CONSUMER_TIMEOUT",
            "nan",
            "seconds, or a duration such as 90s, 5m, 24h or 7d",
        ),
        ("LIMITS_SEND_QUEUE_SIZE", "10MB", "bytes, or a size such as 64KiB, 10MiB or 1GiB"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, text: str, expected: str) -> None:
    sentence = refusal(environ={f"ROOMCAST_{variable}": text})
    assert sentence == f"ROOMCAST_{variable}: expected {expected}"


# ---------------------------------------------------------------- files


def test_an_unknown_key_is_named_with_what_was_meant(toml: Toml) -> None:
    path = toml("[attachments]\nulr = 'file:x'")
    assert refusal(path) == f"{path}: unknown setting attachments.ulr; did you mean url?"


def test_a_file_in_the_current_folder_is_named_shortly(
    toml: Toml, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml("[attachments]\nulr = 'file:x'").parent)
    assert refusal() == "settings.toml: unknown setting attachments.ulr; did you mean url?"


def test_a_key_of_another_section_is_found() -> None:
    sentence = refusal({"auth": {"download_url_ttl": 5}})
    assert (
        sentence
        == "unknown setting auth.download_url_ttl; did you mean attachments.download_url_ttl?"
    )


def test_a_key_that_resembles_nothing_gets_no_guess() -> None:
    assert refusal({"auth": {"xyzzy": 5}}) == "unknown setting auth.xyzzy"


def test_an_unknown_section_is_named_with_what_was_meant() -> None:
    assert refusal({"sever": {}}) == "unknown section sever; did you mean server?"


def test_a_section_is_no_value(toml: Toml) -> None:
    path = toml("server = 8000")
    assert refusal(path) == f"{path}: server is a section with settings in it, not a value"


def test_a_wrong_value_is_named_with_its_file(toml: Toml) -> None:
    path = toml("[server]\nport = 70_000")
    assert refusal(path) == f"{path}: server.port: expected a port from 0 to 65535"


def test_a_file_that_is_no_toml_says_where(toml: Toml) -> None:
    path = toml("[server]\nport: 9001")
    assert refusal(path).startswith(f"{path} is not valid TOML: ")
    assert "line 2" in refusal(path)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert refusal(path) == f"{path} cannot be read: No such file or directory"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path} cannot be read: Is a directory"


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", 90), ("0.5", 0.5), ("90s", 90), ("5m", 300), ("1.5 h", 5_400), ("7d", 604_800)],
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "m", "-5m", "5 weeks", "5mm", "1e3", "٥m", "5m\n", "inf"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="90s, 5m, 24h or 7d"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("512", 512), ("512B", 512), ("64KiB", 65_536), ("10 MiB", 10 << 20), ("1GiB", 1 << 30)],
)
def test_sizes(text: str, value: int) -> None:
    assert octets(text) == value


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1.5MiB", "10MB", "10mib", "٥", "5\n"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="64KiB, 10MiB or 1GiB"):
        octets(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.host", "::1"),
        ("server.port", 0),
        ("server.public_url", "https://chat.example.com"),
        ("server.public_url", "http://[::1]:8000/chat"),
        ("server.allowed_origins", ["https://a.example", "http://b.example:8080", "app://local"]),
        ("server.languages", ["en"]),
        ("database.url", "sqlite:////var/lib/chat.db"),
        ("database.synchronous", "NORMAL"),
        ("attachments.url", "file:///var/lib/chat"),
        ("attachments.url", "file:/var/lib/chat"),
        ("attachments.download_url_ttl", "1h"),
        ("attachments.types", []),
        ("auth.algorithms", []),
        ("auth.algorithms", ["HS512", "RS256"]),
        ("auth.issuers", []),
        ("server.allowed_origins", ["*"]),
        ("auth.leeway", 60),
        ("rate_limit.rate", 0),
        ("rate_limit.grace", 0),
    ],
)
def test_a_value_that_is_taken(name: str, value: object) -> None:
    section, _, key = name.partition(".")
    assert read({section: {key: value}}).origins == {name: name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.host", ""),
        ("server.port", -1),
        ("server.port", True),
        ("server.port", "8000"),
        ("server.workers", 0),
        ("server.web_client", 1),
        ("server.public_url", "chat.example.com"),
        ("server.public_url", "ftp://chat.example.com"),
        ("server.public_url", "/chat"),
        ("server.public_url", "https://chat.example.com/"),
        ("server.public_url", "https://chat.example.com\n"),
        ("server.public_url", "https://chat.example.com?a=b"),
        ("server.public_url", "https://me:pass@chat.example.com"),
        ("server.allowed_origins", ["*.example.com"]),
        ("server.allowed_origins", ["https://*"]),
        ("server.allowed_origins", ["null"]),
        ("server.allowed_origins", ["https://a.example/"]),
        ("server.allowed_origins", "https://a.example"),
        ("server.languages", []),
        ("server.languages", ["en/api"]),
        ("server.log_level", "trace"),
        ("database.url", "mysql://me:pass@db/chat"),
        ("database.url", "postgresql://me:pass@db"),
        ("database.url", "sqlite://roomcast.db"),
        ("database.url", "sqlite:///:memory:"),
        ("database.url", "roomcast.db"),
        ("database.synchronous", "OFF"),
        ("broadcast.url", "redis://"),
        ("broadcast.url", "kafka://localhost"),
        ("attachments.url", "s3://host"),
        ("attachments.url", "s3://KEY:SECRET@host"),
        ("attachments.url", "file://attachments"),
        ("attachments.url", "file:"),
        ("attachments.download_url_ttl", 0),
        ("attachments.download_url_ttl", float("nan")),
        ("attachments.download_url_ttl", float("inf")),
        ("attachments.types", ["image/*"]),
        ("attachments.max_size", 0),
        ("auth.algorithms", ["none"]),
        ("auth.algorithms", ["HS256", "none"]),
        ("auth.issuers", {"issuer": "https://a.example"}),
        ("auth.issuers", ["https://a.example"]),
        ("auth.user_claim", ""),
        ("auth.leeway", "5m"),
        ("limits.max_members", 1),
        ("limits.max_text_length", 0),
        ("rate_limit.rate", -1),
    ],
)
def test_a_value_that_is_refused(name: str, value: object) -> None:
    section, _, key = name.partition(".")
    assert refusal({section: {key: value}}).startswith(f"{name}: expected ")


@pytest.mark.parametrize(
    ("name", "url", "supported"),
    [
        ("database.url", "mysql://me:pass@db/chat", "sqlite:///path/to/file.db"),
        ("broadcast.url", "amqp://me:pass@localhost", "memory://"),
        ("attachments.url", "ftp://KEY:pass@host/bucket", "file:./folder"),
    ],
)
def test_an_engine_that_is_not_there_is_answered_with_those_that_are(
    name: str, url: str, supported: str
) -> None:
    section, _, key = name.partition(".")
    sentence = refusal({section: {key: url}})
    assert f"{name}: expected {supported}" in sentence
    assert "me:pass" not in sentence
    assert "KEY:pass" not in sentence


# ---------------------------------------------------------------- what must fit together


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_is_as_long_as_its_algorithm_needs(algorithm: str, least: int) -> None:
    long_enough = {"algorithms": [algorithm], "secret": "x" * least}
    assert load({"auth": long_enough}).auth.secret == "x" * least
    sentence = refusal({"auth": long_enough | {"secret": "x" * (least - 1)}})
    assert sentence == f"auth.secret: at least {least} bytes are needed"


def test_a_short_secret_is_named_by_its_variable() -> None:
    sentence = refusal(environ={"ROOMCAST_AUTH_SECRET": "short"})
    assert sentence == "ROOMCAST_AUTH_SECRET: at least 32 bytes are needed"


def test_a_frame_holds_the_largest_attachment_in_base64() -> None:
    fits = {"attachments": {"max_size": 3_000}, "limits": {"max_frame_size": 4_000 + 1_024}}
    assert load(fits).limits.max_frame_size == 5_024
    sentence = refusal(fits | {"limits": {"max_frame_size": 5_023}})
    assert (
        sentence
        == "limits.max_frame_size: at least 5024 is needed for attachments.max_size in base64"
    )


@pytest.mark.parametrize("key", ["history_page_size", "room_page_size"])
def test_a_page_is_no_larger_than_the_largest(key: str) -> None:
    sentence = refusal({"limits": {key: 101}})
    assert sentence == f"limits.{key}: it is above limits.max_{key}"


# ---------------------------------------------------------------- several issuers

TWO = """
[auth]
secret = "%s"

[[auth.issuers]]
issuer = "https://a.example/"
jwks_url = "https://a.example/keys"
audience = "chat"

[[auth.issuers]]
issuer = "partner"
secret = "%s"
algorithms = ["HS512"]
user_prefix = "partner:"
leeway = "30s"
"""


def test_each_issuer_has_a_table_of_its_own(toml: Toml) -> None:
    auth = load(toml(TWO % (SECRET, "x" * 64)), environ={}).auth
    assert auth.issuers == (
        module.Issuer(
            issuer="https://a.example/", jwks_url="https://a.example/keys", audience="chat"
        ),
        module.Issuer(
            issuer="partner",
            secret="x" * 64,
            algorithms=("HS512",),
            user_prefix="partner:",
            leeway=30,
        ),
    )
    assert load(Settings(auth=auth)).auth == auth


def test_issuers_in_a_variable_are_json() -> None:
    environ = {"ROOMCAST_AUTH_ISSUERS": '[{"issuer": "a", "leeway": 5}]'}
    loaded = load(ROOT / "settings.toml", None, environ)
    assert loaded.auth.issuers == (module.Issuer(issuer="a", leeway=5),)


@pytest.mark.parametrize(
    ("issuers", "said"),
    [
        ([{"isuer": "a"}], "[0]: unknown setting isuer; did you mean issuer?"),
        ([{"issuer": "a", "issuers": []}], "[0]: unknown setting issuers; did you mean issuer?"),
        ([{"issuer": "a"}, {"issuer": 5}], "[1].issuer: expected a text"),
        ([{"issuer": "a", "leeway": 61}], "[0].leeway: expected at most 60 seconds"),
        ([{"issuer": "a", "algorithms": ["none"]}], "[0].algorithms: expected a list of any of"),
        ([{"issuer": "a", "secret": "short"}], "[0].secret: at least 32 bytes are needed"),
        ([{"jwks_url": "https://a.example"}], "[0].issuer: is missing"),
        ([{"issuer": "a"}, {"issuer": "a"}], "[1].issuer: auth.issuers[0] has the same"),
        ([{"issuer": "us"}], "[0].issuer: auth has the same"),
    ],
)
def test_an_issuer_that_cannot_be_is_named(issuers: object, said: str, toml: Toml) -> None:
    auth = {"issuer": "us", "issuers": issuers}
    assert refusal({"auth": auth}).startswith(f"auth.issuers{said}")


def test_published_keys_need_an_audience_or_an_issuer() -> None:
    """A login service signs the tokens of many applications with the same keys."""
    keys = {"jwks_url": "https://a.example/keys"}
    assert refusal({"auth": keys}).startswith("auth.audience: with auth.jwks_url it is needed")
    for name in ("audience", "issuer"):
        assert load({"auth": keys | {name: "chat"}}).auth.jwks_url == keys["jwks_url"]


def test_an_issuer_in_a_file_is_named_with_it(toml: Toml) -> None:
    path = toml("[[auth.issuers]]\nissuer = 'a'\nsecret = 'short'")
    assert refusal(path) == f"{path}: auth.issuers[0].secret: at least 32 bytes are needed"


def test_a_variable_that_is_no_json_shows_nothing_of_itself() -> None:
    sentence = refusal(environ={"ROOMCAST_AUTH_ISSUERS": '[{"secret": "hunter2"'})
    expected = "ROOMCAST_AUTH_ISSUERS: expected a list of tables, one for each issuer of tokens"
    assert sentence == expected


def test_a_list_of_a_variable_is_asked_for_in_json() -> None:
    name = "SERVER_ALLOWED_ORIGINS"
    wanted = "expected a list of origins such as https://example.com"
    shown = refusal(environ={f"ROOMCAST_{name}": "https://shop.example"})
    assert shown == f'ROOMCAST_{name}: {wanted}, in JSON: ["…"]'
    assert refusal({"server": {"allowed_origins": 5}}) == f"server.allowed_origins: {wanted}"


@pytest.mark.parametrize(
    ("auth", "is_wanted"),
    [
        ({}, True),
        ({"algorithms": ["HS512"]}, True),
        ({"algorithms": ["HS256", "RS256"], "public_key": "x"}, True),
        ({"secret": SECRET}, False),
        ({"algorithms": ["RS256"]}, False),
        ({"public_key": "x"}, False),
        ({"jwks_url": "https://a.example", "audience": "chat"}, False),
        ({"issuers": [{"issuer": "a"}]}, False),
    ],
)
def test_a_secret_is_wanted_where_nothing_else_could_check_tokens(
    auth: dict[str, object], is_wanted: bool
) -> None:
    assert load({"auth": auth}).auth.wants_secret is is_wanted


# ---------------------------------------------------------------- secrets


def test_a_secret_never_shows() -> None:
    loaded = load({"auth": {"secret": SECRET, "issuer": "us"}})
    assert loaded.auth.secret == SECRET
    shown = f"{loaded!r} {loaded} {loaded.auth.__rich_repr__()}"
    assert SECRET not in shown
    assert "secret='…'" in shown
    assert "issuer='us'" in shown


@pytest.mark.parametrize(
    ("name", "url", "shown"),
    [
        ("database.url", "postgresql://me:PASS@h/db", "postgresql://…@h/db"),
        ("database.url", "postgresql://me:PA%2FSS@h:1/db?sslmode=require", "postgresql://…@h:1/db?…"),
        ("database.url", "postgresql:///db?host=/run/p&password=PASS", "postgresql:///db?…"),
        ("database.url", "sqlite:///a folder/chat.db", "sqlite:///a folder/chat.db"),
        ("broadcast.url", "redis://:PASS@h:6379/0", "redis://…@h:6379/0"),
        ("broadcast.url", "memory://", "memory://"),
        ("attachments.url", "s3://PASS:PASS@h/bucket?region=x", "s3://…@h/bucket?…"),
        ("attachments.url", "file:./attachments", "file:./attachments"),
        ("webhooks.url", "https://h/hook?token=PASS", "https://h/hook?…"),
        ("auth.jwks_url", "https://h/keys?key=PASS", "https://h/keys?…"),
    ],
)  # fmt: skip
def test_a_password_of_a_url_never_shows(name: str, url: str, shown: str) -> None:
    section, key = name.split(".")
    other = {"auth": {"issuer": "us"}, "webhooks": {"secret": SECRET}}.get(section, {})
    loaded = load({"auth": {"secret": SECRET}} | {section: {key: url, **other}})
    assert getattr(getattr(loaded, section), key) == url
    assert "PASS" not in f"{loaded!r} {loaded}"
    assert f"{key}={shown!r}" in repr(loaded)
    assert dict(getattr(loaded, section).__rich_repr__())[key] == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:PA@SS/PA?SS#PA@h/db", "postgresql://…@h/db"),
        ("redis+sentinel://PA:SS@a:1,b:2/main", "redis+sentinel://…@a:1,b:2/main"),
        ("", ""),
    ],
)
def test_the_public_part_of_a_url(url: str, shown: str) -> None:
    assert public_part(url) == shown


def test_that_there_is_no_secret_does_show() -> None:
    assert "secret=''" in repr(Settings())


def test_an_issuers_secret_never_shows_either() -> None:
    loaded = load({"auth": {"issuers": [{"issuer": "us", "secret": SECRET}]}})
    shown = f"{loaded!r} {loaded} {loaded.auth.__rich_repr__()}"
    assert SECRET not in shown
    assert "Issuer(secret='…'" in shown
