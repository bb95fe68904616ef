"""The build backend: setuptools, after what browsers load was bundled and compressed.

With npm, esbuild makes `web/dist/` (`web/build.mjs`). Without it the modules are joined, and
minified where the minifier could be installed. Where nothing can be built, the modules go into the
wheel as they are, and the server joins and compresses them.
"""

import contextlib
import gzip
import hashlib
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

WEB = Path(__file__).parent
DIST = WEB / "dist"
ROUTES = "roomcast_build_routes"  # what the modules of the server are called here
TOOLS = ["tdewolff-minify==2.24.12", "zopfli==0.4.3"]  # the minifier, and a gzip 4 % smaller
WITHIN = 300  # seconds for npm


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    return build_meta.get_requires_for_build_wheel(config_settings) + _tools()


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    return build_meta.get_requires_for_build_editable(config_settings) + _tools()


def build_wheel(*arguments: Any, **options: Any) -> str:
    build_web()
    return build_meta.build_wheel(*arguments, **options)


def build_editable(*arguments: Any, **options: Any) -> str:
    build_web()
    return build_meta.build_editable(*arguments, **options)


def _tools() -> list[str]:
    """Returns optional build tools, where they exist as wheels."""
    is_common = platform.system() == "Linux" and platform.libc_ver()[0] == "glibc"
    return TOOLS if is_common and platform.machine() in ("x86_64", "aarch64") else []


def build_web() -> None:
    """Fills `web/dist/` if it is not of the present sources."""
    bundle = _load("ui_bundle")
    with lock_folder():
        if bundle.built_files(WEB):
            return
        shutil.rmtree(DIST, ignore_errors=True)
        if not _build_by_npm():
            _build_by_python(bundle)
        _compress_better()


@contextlib.contextmanager
def lock_folder() -> Iterator[None]:
    """Waits for another build of this folder, where the system has locks of folders."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = os.open(WEB, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _build_by_npm() -> bool:
    npm = shutil.which("npm")
    if npm is None or os.environ.get("ROOMCAST_BUILD_WITHOUT_NPM"):
        return False
    install = [npm, "ci", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]
    for command in (install, ["node", "build.mjs"]):
        try:
            done = subprocess.run(command, cwd=WEB, check=False, timeout=WITHIN, stdout=sys.stderr)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"web: {command[0]} failed: {error}", file=sys.stderr)  # noqa: T201
            return False
        if done.returncode:
            print(f"web: {' '.join(command)}: exit code {done.returncode}", file=sys.stderr)  # noqa: T201
            return False
    return True


def _build_by_python(bundle: ModuleType) -> None:
    """The joined modules, minified and compressed; nothing where the minifier is missing."""
    try:
        import minify
    except ImportError:
        print("web: no npm and no minifier, the modules stay as they are", file=sys.stderr)  # noqa: T201
        return
    files: dict[str, str] = {}
    sources = bundle.source_texts(WEB)
    version = bundle.hash_sources(WEB)[:8]
    for name, read in _load("ui_minify").minified(bundle.source_files(WEB), sources, version):
        content = read()
        if name.endswith(".js"):
            try:
                content = minify.string("application/javascript", content.decode()).encode()
            except minify.MinifyError as error:
                print(f"web: {name}: {error}", file=sys.stderr)  # noqa: T201
                shutil.rmtree(DIST, ignore_errors=True)
                return
        digest = hashlib.sha256(content).hexdigest()[:8]
        files[name] = name.replace(".js", f".{digest}.js") if name in bundle.ENTRIES else name
        target = DIST / files[name]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.with_name(target.name + ".gz").write_bytes(gzip.compress(content, 9, mtime=0))
    manifest = {"sources": bundle.hash_sources(WEB), "files": files}
    (DIST / "manifest.json").write_text(json.dumps(manifest))


def _compress_better() -> None:
    """Zopfli in the place of gzip, where it could be installed."""
    try:
        from zopfli.gzip import compress
    except ImportError:
        return
    for file in DIST.rglob("*.gz"):
        better = compress(file.with_suffix("").read_bytes())
        if len(better) < file.stat().st_size:
            file.write_bytes(better)


def _load(name: str) -> ModuleType:
    """The server's own way to join modules, by its path: its package is not installed yet."""
    package = sys.modules.setdefault(ROUTES, ModuleType(ROUTES))
    package.__path__ = [str(WEB.parent / "routes")]
    return importlib.import_module(f"{ROUTES}.{name}")
