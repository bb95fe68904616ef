"""The entry point of the `roomcast` command: says what to install if the server is missing."""

import sys


def main() -> None:
    try:
        from .cli import main as command
    except ModuleNotFoundError as error:
        sys.exit(f"Error: the roomcast command needs {error.name}: pip install 'roomcast[server]'.")
    command()
