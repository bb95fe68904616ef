"""Node, with what `web/package-lock.json` names."""

import os
import shutil

import pytest

from .nodes import WEB


@pytest.fixture(scope="session")
def node() -> str:
    """Where it is missing the tests are skipped with a sentence; in CI they fail."""
    found = shutil.which("node")
    if found and (WEB / "node_modules/esbuild").is_dir():
        return found
    missing = "`.ci/node` makes web/node_modules" if found else "Node is missing"
    sentence = f"{missing}: what browsers load is untested here."
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)
