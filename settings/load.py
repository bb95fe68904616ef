"""Loading settings: defaults < settings.toml < ROOMCAST_* variables < options."""

import logging
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from .checks import BadSetting, check
from .model import Issuer, Issuers, Settings
from .types import DURATION_FORMAT, SIZE_FORMAT

log = logging.getLogger("roomcast.settings")

SETTINGS_VARIABLE = "ROOMCAST_SETTINGS"  # the path of a settings file, for the commands


class Given(NamedTuple):
    """A value and its origin; values of variables are texts."""

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
    """Return the settings; with a Mapping or a Settings, no file and no variable is read."""
    return read(source, options, environ).settings


def read(
    source: Source = None,
    options: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Loaded:
    """Load settings like `load`, with the origin of each value that is not a default.

    Options are {"server.port": 8001}.
    """
    origins: dict[str, str] = {}
    values: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
    for given in (*_of_source(source, environ), *_of_options(options or {})):
        section, _, key = given.name.partition(".")
        values[section][key] = _value(given)
        origins[given.name] = given.where
    settings = msgspec.convert(values, Settings)
    check(settings, origins)
    return Loaded(settings, origins)


# ---------------------------------------------------------------- origins


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
        return tomllib.loads(path.read_text("utf-8-sig"))
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
        elif variable.startswith("ROOMCAST_") and variable != SETTINGS_VARIABLE:
            log.warning("unknown variable %s%s", variable, _meant_variable(variable))


def _content(variable: str, path: Path) -> str:
    try:
        return path.read_text("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise BadSetting(f"{variable}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{variable}: {path} is not UTF-8 text") from None


def _known(name: str, file: str) -> str:
    if name in HINTS:
        return name
    section, _, key = name.partition(".")
    siblings = [known.partition(".")[2] for known in HINTS if known.startswith(f"{section}.")]
    elsewhere = [known for known in HINTS if known.endswith(f".{key}")]
    meant = _meant(key, siblings) or _meant(name, elsewhere)
    raise BadSetting(f"{file}unknown setting {name}{meant}")


def _meant_variable(variable: str) -> str:
    """Return a hint with the most similar known variable, or nothing.

    The common prefix is ignored.
    """
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
    # Errors of msgspec are ValueErrors only in newer releases. Their texts contain a regular
    # expression, and may contain a secret.
    except (ValueError, msgspec.MsgspecError):
        form = ', in JSON: ["…"]' if given.text and _is_json(hint) else ""
        raise BadSetting(f"{given.where}: expected {_expected(hint)}{form}") from None


def _issuers(tables: object, given: str) -> tuple[Issuer, ...]:
    """Return the issuers: each has the settings of [auth] except the list of issuers."""
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
    if text and "words" in get_args(hint) and not value.lstrip().startswith("["):
        return value.replace(",", " ").split()
    return msgspec.json.decode(value) if text and _is_list(hint) else value


def _is_list(hint: object) -> bool:
    return get_origin(get_args(hint)[0]) is tuple


def _is_json(hint: object) -> bool:
    """Whether a variable holds a list of texts that is JSON alone, not words too."""
    return _is_list(hint) and hint != Issuers and "words" not in get_args(hint)


def _expected(hint: object) -> str:
    return next(part.description or "" for part in get_args(hint) if isinstance(part, Meta))


def seconds(text: str) -> float:
    """A duration: `90`, `90s`, `5m`, `24h`, `7d`."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([smhd]?)", text)
    if found is None:
        raise ValueError(f"expected {DURATION_FORMAT}")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}[found[2]]


def octets(text: str) -> int:
    """A size: `512`, `64KiB`, `10MiB`, `1GiB`."""
    found = re.fullmatch(r"([0-9]{1,15}) ?(|B|KiB|MiB|GiB)", text)
    if found is None:
        raise ValueError(f"expected {SIZE_FORMAT}")
    return int(found[1]) << {"": 0, "B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[found[2]]
