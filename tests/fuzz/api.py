"""`python -m tests.fuzz.api EXAMPLES`: every HTTP operation with requests of schemathesis.

`python -m tests.fuzz.api EXAMPLES fuzzing` runs one of its phases alone, which is quicker.

No answer may be a 5xx, and each must be one of the documented statuses and shapes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from ..client import token
from ..server import Server

COMMAND = Path(sys.executable).with_name("schemathesis")
CHECKS = "not_a_server_error,status_code_conformance,response_schema_conformance"


def main(examples: str, phases: str = "examples,coverage,fuzzing,stateful") -> int:
    """Returns the exit code of schemathesis."""
    with tempfile.TemporaryDirectory(prefix="roomcast-fuzz-api-") as folder:
        server = Server(Path(folder), rate_limit_rate=0).start()
        try:
            header = f"Authorization: Bearer {token('1')}"
            place = f"{server.url}/api/v1/schema/"
            options = [
                "--checks",
                CHECKS,
                "--max-examples",
                examples,
                "--phases",
                phases,
                "-H",
                header,
            ]
            return subprocess.run(
                [COMMAND, "run", place, *options], check=False, cwd=folder
            ).returncode
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
