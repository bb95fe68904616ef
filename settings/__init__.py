"""Defaults < settings.toml < ROOMCAST_* variables < options: one frozen, typed Settings."""

import base64
import logging
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct, field

log = logging.getLogger("roomcast.settings")

MIB = 1 << 20
DURATION = "seconds, or a duration such as 90s, 5m, 24h or 7d"
SIZE = "bytes, or a size such as 64KiB, 10MiB or 1GiB"
HOST = r"([^\s/?#@:*\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?"

# Each description is the end of the sentence "expected …".
Flag = Annotated[bool, Meta(description="true or false")]
Text = Annotated[str, Meta(description="a text")]
Filled = Annotated[str, Meta(min_length=1, description="a text that is not empty")]
Count = Annotated[int, Meta(ge=1, description="a whole number above 0")]
Several = Annotated[int, Meta(ge=2, description="a whole number above 1")]
Port = Annotated[int, Meta(ge=0, le=65_535, description="a port from 0 to 65535")]
Rate = Annotated[float, Meta(ge=0, le=1e6, description="how many a second, 0 is off")]
Bytes = Annotated[int, "bytes", Meta(ge=1, le=1 << 40, description=SIZE)]
Seconds = Annotated[float, "seconds", Meta(gt=0, le=3_650 * 86_400, description=DURATION)]
Patience = Annotated[float, "seconds", Meta(ge=0, le=86_400, description=DURATION)]
Wait = Annotated[float, "seconds", Meta(ge=0, le=3_650 * 86_400, description=f"0, {DURATION}")]
Answer = Annotated[float, "seconds", Meta(gt=0, le=30, description="at most 30 seconds")]
Leeway = Annotated[float, "seconds", Meta(ge=0, le=60, description="at most 60 seconds")]
Address = Annotated[
    str,
    Meta(
        pattern=rf"\A(https?://{HOST}(/[^\s?#]*[^\s?#/])?)?\Z",
        description="an address such as https://chat.example.com, without a slash at its end",
    ),
]
WebAddress = Annotated[
    str,
    Meta(
        pattern=rf"\A(https?://{HOST}(/[^\s#]*)?)?\Z",
        description="an address such as https://shop.example.com/chat-events",
    ),
]
Origins = Annotated[
    tuple[Annotated[str, Meta(pattern=rf"\A(\*|[a-z][a-z0-9+.-]*://{HOST})\Z")], ...],
    Meta(description="a list of origins such as https://example.com"),
]
Languages = Annotated[
    tuple[Annotated[str, Meta(pattern=r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")], ...],
    Meta(min_length=1, description="a list of languages such as en and pt-BR"),
]
FileTypes = Annotated[
    tuple[Annotated[str, Meta(pattern=r"\A[a-z]+/[a-z0-9][a-z0-9.+-]*\Z")], ...],
    Meta(description="a list of types such as image/png"),
]
DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"\A(sqlite:///(?!:memory:)[^?]+|postgres(ql)?://[^/\s]*/[^/?\s]+(\?\S*)?)\Z",
        description="sqlite:///path/to/file.db or postgresql://user:password@host/database",
    ),
]
BroadcastUrl = Annotated[
    str,
    Meta(
        pattern=r"\A(memory://|(rediss?|postgres(ql)?)://[^/\s]+\S*)\Z",
        description="memory://, redis://host:port, rediss:// or postgresql://user:password@host/database",
    ),
]
AttachmentsUrl = Annotated[
    str,
    Meta(
        pattern=r"\A(file:(///|(?!//)).+|s3://[^@\s]+@[^/\s]+/[^/?\s]+(\?\S*)?)\Z",
        description="file:./folder, file:///folder or s3://KEY:SECRET@host:port/bucket",
    ),
]
Synchronous = Annotated[Literal["NORMAL", "FULL"], Meta(description="NORMAL or FULL")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    Meta(description="debug, info, warning, error or critical"),
]
Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES256K", "ES384", "ES512", "EdDSA",
]  # fmt: skip
Algorithms = Annotated[
    tuple[Algorithm, ...],
    Meta(description=f"a list of any of {', '.join(get_args(Algorithm))}"),
]
SHORTEST = {"HS256": 32, "HS384": 48, "HS512": 64}  # bytes of a secret


class Server(Struct, frozen=True):
    host: Filled = "127.0.0.1"
    port: Port = 8000
    workers: Count = 1
    public_url: Address = ""
    languages: Languages = ("en", "uk")
    allowed_origins: Origins = ()
    page: Flag = True
    ui: Flag = True
    metrics: Flag = True
    log_level: LogLevel = "info"


class Database(Struct, frozen=True):
    url: DatabaseUrl = "sqlite:///roomcast.db"
    synchronous: Synchronous = "FULL"


class Broadcast(Struct, frozen=True):
    url: BroadcastUrl = "memory://"


class Attachments(Struct, frozen=True):
    """Times are seconds, sizes bytes."""

    url: AttachmentsUrl = "file:./attachments"
    url_ttl: Seconds = 86_400
    upload_ttl: Seconds = 900
    direct_downloads: Flag = False
    keep_unsent: Seconds = 86_400
    types: FileTypes = (
        "image/png", "image/jpeg", "image/gif", "image/webp",
        "application/pdf", "text/plain", "application/zip",
    )  # fmt: skip
    max_size: Bytes = 10 * MIB
    max_files: Count = 10


class Discreet(Struct, frozen=True):
    """Its secret never shows in a log or a traceback."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        values = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, "…" if name == "secret" and value else value) for name, value in values]

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(shown)})"


class Issuer(Discreet, frozen=True):
    """Who signs tokens, by what they are checked, and what they must say."""

    secret: Text = ""
    public_key: Text = ""
    jwks_url: Text = ""
    algorithms: Algorithms = ()
    user_claim: Filled = "sub"
    user_prefix: Text = ""
    audience: Text = ""
    issuer: Text = ""
    leeway: Leeway = 0

    @property
    def hmac(self) -> tuple[str, ...]:
        """The algorithms that the secret serves."""
        return tuple(name for name in self.algorithms or ("HS256",) if name in SHORTEST)


Issuers = Annotated[
    tuple[Issuer, ...], Meta(description="a list of tables, one for each issuer of tokens")
]


class Auth(Issuer, frozen=True):
    """The first issuer, and others beside it."""

    issuers: Issuers = ()

    @property
    def wants_secret(self) -> bool:
        """Whether tokens are checked by a secret that nobody has set."""
        others = self.public_key or self.jwks_url or self.issuers
        return not self.secret and bool(self.hmac if self.algorithms else not others)


class Webhooks(Discreet, frozen=True):
    """Times are seconds; 0 for unread_after is off."""

    url: WebAddress = ""
    secret: Text = ""
    timeout: Answer = 10
    give_up_after: Seconds = 3 * 86_400
    unread_after: Wait = 0
    allow_private: Flag = False


class Limits(Struct, frozen=True):
    """0 is off where a rate is meant; times are seconds, sizes bytes, texts code points."""

    text: Count = 4_000
    title: Count = 200
    client_id: Count = 64
    frame: Bytes = 16 * MIB
    members: Several = 256
    history: Count = 50
    history_max: Count = 100
    emoji: Count = 32
    reactions: Count = 20
    sync: Count = 1_000
    page: Count = 41
    page_max: Count = 100
    search: Count = 25
    actions_per_second: Rate = 50
    actions_burst: Count = 200
    actions_patience: Patience = 10
    outbox: Bytes = MIB
    slow_after: Seconds = 5
    offline_after: Patience = 5.0
    lease: Seconds = 40.0
    uncommitted: Count = 64


class Settings(Struct, frozen=True):
    server: Server = field(default_factory=Server)
    database: Database = field(default_factory=Database)
    broadcast: Broadcast = field(default_factory=Broadcast)
    attachments: Attachments = field(default_factory=Attachments)
    auth: Auth = field(default_factory=Auth)
    webhooks: Webhooks = field(default_factory=Webhooks)
    limits: Limits = field(default_factory=Limits)


class BadSetting(ValueError):
    """A setting that cannot be, in one sentence that says where it stands."""


class Given(NamedTuple):
    """A value and where it was given; in a variable everything is text."""

    name: str
    value: object
    where: str
    text: bool = False


class Loaded(NamedTuple):
    settings: Settings
    origins: Mapping[str, str]


SECTIONS: dict[str, type[Struct]] = get_type_hints(Settings)
HINTS: dict[str, object] = {
    f"{section}.{key}": hint
    for section, struct in SECTIONS.items()
    for key, hint in get_type_hints(struct, include_extras=True).items()
}
VARIABLES = {f"ROOMCAST_{name.replace('.', '_').upper()}": name for name in HINTS}

Source = str | Path | Mapping[str, object] | Settings | None


def load(
    source: Source = None,
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings in force; a Mapping or a Settings reads no file and no environment."""
    return read(source, options, environ).settings


def read(
    source: Source = None,
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Loaded:
    """As load, and where what is no default came from. Options are {"server.port": 8001}."""
    origins: dict[str, str] = {}
    values: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
    for given in (*_of_source(source, environ), *_of_options(options or {})):
        section, _, key = given.name.partition(".")
        values[section][key] = _value(given)
        origins[given.name] = given.where
    settings = msgspec.convert(values, Settings)
    check(settings, origins)
    return Loaded(settings, origins)


# ---------------------------------------------------------------- where they come from


def _of_source(source: Source, environ: Mapping[str, str]) -> Iterator[Given]:
    if isinstance(source, Settings):
        yield from _of_tables(msgspec.to_builtins(source), "")
        return
    if isinstance(source, Mapping):
        yield from _of_tables(source, "")
        return
    if source is not None or Path("settings.toml").is_file():
        path = Path(source or "settings.toml")
        yield from _of_tables(_toml(path), f"{path}: ")
    yield from _of_environment(environ)


def _toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadSetting(f"{path} is not valid TOML: {error}") from None


def _of_tables(tables: Mapping[str, object], file: str) -> Iterator[Given]:
    for section, table in tables.items():
        if section not in SECTIONS:
            raise BadSetting(f"{file}unknown section {section}{_meant(section, SECTIONS)}")
        if not isinstance(table, Mapping):
            raise BadSetting(f"{file}{section} is a section with settings in it, not a value")
        for key, value in table.items():
            yield Given(_known(f"{section}.{key}", file), value, f"{file}{section}.{key}")


def _of_options(options: Mapping[str, object]) -> Iterator[Given]:
    for name, value in options.items():
        if value is not None:
            yield Given(_known(name, ""), value, name)


def _of_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    for variable in sorted(environ):
        plain = variable.removesuffix("_FILE")
        if variable in VARIABLES:
            yield Given(VARIABLES[variable], environ[variable], variable, text=True)
        elif plain in VARIABLES and plain in environ:
            raise BadSetting(f"{variable}: {plain} is set too; keep one of them")
        elif plain in VARIABLES:
            content = _content(variable, Path(environ[variable]))
            yield Given(VARIABLES[plain], content, variable, text=True)
        elif variable.startswith("ROOMCAST_"):
            log.warning("unknown variable %s%s", variable, _meant_variable(variable))


def _content(variable: str, path: Path) -> str:
    try:
        return path.read_text("utf-8").rstrip("\r\n")
    except OSError as error:
        raise BadSetting(f"{variable}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{variable}: {path} is not UTF-8 text") from None


def _known(name: str, file: str) -> str:
    if name in HINTS:
        return name
    section, _, key = name.partition(".")
    neighbours = [known.partition(".")[2] for known in HINTS if known.startswith(f"{section}.")]
    elsewhere = [known for known in HINTS if known.endswith(f".{key}")]
    meant = _meant(key, neighbours) or _meant(name, elsewhere)
    raise BadSetting(f"{file}unknown setting {name}{meant}")


def _meant_variable(variable: str) -> str:
    """What all of them begin with resembles nothing."""
    known = {known.removeprefix("ROOMCAST_"): known for known in VARIABLES}
    close = get_close_matches(variable.removeprefix("ROOMCAST_"), list(known), n=1)
    return f"; did you mean {known[close[0]]}?" if close else ""


def _meant(word: str, known: Iterable[str]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


# ---------------------------------------------------------------- one value


def _value(given: Given) -> object:
    hint = HINTS[given.name]
    try:
        parsed = _parsed(given.value, hint, given.text)
        if hint == Issuers:
            return _issuers(parsed, given.where)
        return msgspec.convert(parsed, hint, strict=not given.text)
    except BadSetting:
        raise
    except ValueError:  # msgspec's own words show a regular expression, and may show a secret
        raise BadSetting(f"{given.where}: expected {_expected(hint)}") from None


def _issuers(tables: object, given: str) -> tuple[Issuer, ...]:
    """A table of its own for each, with the settings of [auth] but for its list of issuers."""
    issuers = []
    for number, table in enumerate(msgspec.convert(tables, list[dict[str, object]])):
        where = f"{given}[{number}]"
        for key in table:
            if key not in Issuer.__struct_fields__:
                meant = _meant(key, Issuer.__struct_fields__)
                raise BadSetting(f"{where}: unknown setting {key}{meant}")
        values = {k: _value(Given(f"auth.{k}", v, f"{where}.{k}")) for k, v in table.items()}
        issuers.append(msgspec.convert(values, Issuer))
    return tuple(issuers)


def _parsed(value: object, hint: object, text: bool) -> object:
    if not isinstance(value, str):
        return value
    if "seconds" in get_args(hint):
        return seconds(value)
    if "bytes" in get_args(hint):
        return octets(value)
    is_list = get_origin(get_args(hint)[0]) is tuple
    return msgspec.json.decode(value) if text and is_list else value


def _expected(hint: object) -> str:
    return next(part.description or "" for part in get_args(hint) if isinstance(part, Meta))


def seconds(text: str) -> float:
    """A duration: `90`, `90s`, `5m`, `24h`, `7d`."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([smhd]?)", text)
    if found is None:
        raise ValueError(f"expected {DURATION}")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2]]


def octets(text: str) -> int:
    """A size: `512`, `64KiB`, `10MiB`, `1GiB`."""
    found = re.fullmatch(r"([0-9]{1,15}) ?(|B|KiB|MiB|GiB)", text)
    if found is None:
        raise ValueError(f"expected {SIZE}")
    return int(found[1]) << {"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[found[2]]


# ---------------------------------------------------------------- what cannot be together


def check(settings: Settings, origins: Mapping[str, str]) -> None:
    """Raises for the first setting that does not fit the others."""
    problems = _of_keys(settings.auth), _of_webhooks(settings.webhooks), _of_limits(settings)
    for name, problem in chain(*problems):
        setting, mark, place = name.partition("[")
        raise BadSetting(f"{origins.get(setting, setting)}{mark}{place}: {problem}")


def _of_keys(auth: Auth) -> Iterator[tuple[str, str]]:
    others = ((f"auth.issuers[{number}]", one) for number, one in enumerate(auth.issuers))
    named = {"": "", auth.issuer: "auth"}
    for where, one in (("auth", auth), *others):
        least = max((SHORTEST[name] for name in one.hmac), default=0)
        if one.secret and len(one.secret.encode()) < least:
            yield f"{where}.secret", f"at least {least} bytes are needed"
        if where != "auth" and not one.issuer:
            yield f"{where}.issuer", "is missing: it says whose tokens these are"
        if where != "auth" and one.issuer in named:
            yield f"{where}.issuer", f"{named[one.issuer]} has the same"
        named[one.issuer] = where


def _of_webhooks(webhooks: Webhooks) -> Iterator[tuple[str, str]]:
    secret = webhooks.secret
    if webhooks.url and not secret:
        yield "webhooks.secret", "it is needed: the receiver can't tell who calls without it"
    if secret and len(secret.encode()) < 24:
        yield "webhooks.secret", "at least 24 bytes are needed"
    if secret.startswith("whsec_"):
        try:
            base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            yield "webhooks.secret", "after whsec_ there must be base64"


def _of_limits(settings: Settings) -> Iterator[tuple[str, str]]:
    limits = settings.limits
    least = (settings.attachments.max_size + 2) // 3 * 4 + 1_024
    if limits.frame < least:
        yield "limits.frame", f"at least {least} is needed for attachments.max_size in base64"
    if limits.history > limits.history_max:
        yield "limits.history", "it is above limits.history_max"
    if limits.page > limits.page_max:
        yield "limits.page", "it is above limits.page_max"
