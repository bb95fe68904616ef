"""The browser files that the chat serves: the client, the custom elements, their languages."""

import gzip
import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..protocol.errors import NotFound
from .ui_bundle import built_files, hash_sources, source_files, source_texts
from .ui_minify import minified

WEB = Path(__file__).parent.with_name("web")
CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".ts": "application/typescript; charset=utf-8",
    ".json": "application/json",
}
SHORT_CACHING = "public, max-age=300"
LONG_CACHING = "public, max-age=31536000, immutable"
HASHED_NAME = re.compile(r"\.[0-9a-z]{8}\.js$", re.IGNORECASE)
HEADERS = {
    "Access-Control-Allow-Origin": "*",  # modules of another origin need CORS
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


class UiFile:
    """A file of the user interface, with its compressed forms."""

    def __init__(self, name: str, read: Callable[[], bytes], folder: Path | None = None) -> None:
        self._read = read
        self._compressed = folder and folder / name
        self.name = name

    @cached_property
    def content(self) -> bytes:
        return self._read()

    @cached_property
    def etag(self) -> str:
        return hashlib.sha256(self.content).hexdigest()[:16]

    def encode(self, encoding: str) -> bytes | None:
        """Return the body in this encoding, from the build or by gzip; None if there is none."""
        if encoding == "gzip":
            return self._gzip
        return self._brotli if encoding == "br" else self.content

    @cached_property
    def _gzip(self) -> bytes:
        return self._prebuilt(".gz") or gzip.compress(self.content, 9, mtime=0)

    @cached_property
    def _brotli(self) -> bytes | None:
        return self._prebuilt(".br")

    def _prebuilt(self, suffix: str) -> bytes | None:
        path = self._compressed and self._compressed.with_name(self._compressed.name + suffix)
        return path.read_bytes() if path and path.exists() else None


@cache
def ui_files() -> dict[str, UiFile]:
    """Return all files by their path below `ui/`: the build of these sources, or minified ones."""
    if built := built_files(WEB):
        dist = WEB / "dist"
        names = {**built, **dict.fromkeys(built.values())}
        found = ((n, built.get(n) or n) for n in names)
        return {name: UiFile(file, (dist / file).read_bytes, dist) for name, file in found}
    files = minified(source_files(WEB), source_texts(WEB), hash_sources(WEB)[:8])
    return {name: UiFile(name, read) for name, read in files}


def get(request: Request) -> Response:
    """Return a file in an encoding that the client accepts. Raises NotFound."""
    file = ui_files().get(request.path_params["name"])
    if file is None:
        raise NotFound
    encoding, body = _choose(file, request.headers.get("accept-encoding", ""))
    etag = f'"{file.etag}{encoding and "-" + encoding}"'
    headers = HEADERS | {
        "Cache-Control": LONG_CACHING
        if HASHED_NAME.search(request.path_params["name"])
        else SHORT_CACHING,
        "ETag": etag,
    }
    if etag in [
        one.strip().removeprefix("W/")
        for one in request.headers.get("if-none-match", "").split(",")
    ]:
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(body, headers=headers, media_type=CONTENT_TYPES[Path(file.name).suffix])


def _choose(file: UiFile, accepted: str) -> tuple[str, bytes]:
    """Return the smallest encoding that the client accepts (RFC 9110, 12.5.3)."""
    weights = dict(_weigh(accepted))
    for encoding in ("br", "gzip"):
        if weights.get(encoding, weights.get("*", 0)) > 0 and (body := file.encode(encoding)):
            return encoding, body
    return "", file.content


def _weigh(accepted: str) -> Iterator[tuple[str, float]]:
    for part in accepted.lower().split(","):
        name, _, parameters = part.partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameters)
        yield name.strip(), float(weight[1]) if weight else 1.0


# fmt: off
routes: list[BaseRoute] = [
    Route("/ui/{name:path}", get, methods=["GET"]),
]
