"""Code and commands of the documents, made to run inside a test."""

import ast
import inspect
import subprocess
from typing import Any


async def in_steps(source: str, names: dict[str, Any]) -> None:
    """Runs a piece of a page, `await` at its top level included, with these names."""
    code = compile(source, "<a page>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    done = eval(code, names)
    if inspect.isawaitable(done):
        await done


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """What a process prints, up to and with the line that holds the text."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it ended without {text!r}:\n{said}")
