"""Clients that others' programs generate from our documents send a message each, on a real server.

`python -m tests.generators FOLDER` installs the generators into the folder, and prints a line for
each. The exit code is 1 where one fails.
"""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from ..client import token
from ..server import Server

HERE = Path(__file__).parent
PYTHON_GENERATOR = "openapi-python-client==0.29.1"
COMPILE = "tsc --noEmit --strict --skipLibCheck --target es2022 --module esnext --moduleResolution"
COMPILE += " bundler --types node"
BUNDLE = "esbuild --bundle --platform=node --format=esm --log-level=error --external:ws"


def run(folder: Path, *command: str) -> str:
    """What the command prints. Raises CalledProcessError, with what it said, for another exit."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout.strip()


class Workshop:
    """A folder with the generators, the documents of a server, and what is made of them."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder, server
        self.base, self.token = f"{server.url}/api/v1", token(1, name="Ada")

    def install(self) -> None:
        for source in (*HERE.glob("*.ts"), *HERE.glob("*.mjs"), HERE / "package.json"):
            shutil.copy(source, self.folder)
        run(self.folder, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
        if not (self.folder / "python/bin").exists():
            venv.create(self.folder / "python", with_pip=True)
        pip = "python/bin/pip", "install", "-qq", "--disable-pip-version-check"
        run(self.folder, *pip, PYTHON_GENERATOR)

    def fetch(self) -> None:
        for name in ("schema", "asyncapi"):
            with urlopen(f"{self.base}/{name}/", timeout=30) as answer:
                (self.folder / f"{name}.json").write_bytes(answer.read())

    def node(self, command: str, *arguments: str) -> str:
        name, *options = command.split()
        return run(self.folder, f"node_modules/.bin/{name}", *options, *arguments)

    def run_typescript(self, name: str, base: str, *arguments: str) -> str:
        """Checks the program with what was generated beside it, then runs it."""
        self.node(COMPILE, f"{name}.ts")
        self.node(BUNDLE, f"{name}.ts", f"--outfile={name}.bundle.mjs")
        return run(self.folder, "node", f"{name}.bundle.mjs", base, self.token, *arguments)

    def openapi_typescript(self) -> str:
        self.node("openapi-typescript schema.json -o openapi_typescript/schema.d.ts")
        return self.run_typescript("openapi_typescript", self.base)

    def hey_api(self) -> str:
        self.node("openapi-ts -i schema.json -o hey_api")
        return self.run_typescript("hey_api", self.base)

    def openapi_python_client(self) -> str:
        generate = "python/bin/openapi-python-client", "generate", "--path", "schema.json"
        run(self.folder, *generate, "--meta", "none", "--output-path", "generated", "--overwrite")
        shutil.copy(HERE / "python_client.py", self.folder)
        return run(self.folder, "python/bin/python", "python_client.py", self.base, self.token)

    def modelina(self) -> str:
        run(self.folder, "node", "modelina.mjs", "asyncapi.json", "modelina")
        wish = Request(
            f"{self.base}/chat/create/",
            b'{"second_user": 2}',
            {"Authorization": f"Bearer {self.token}"},
        )
        with urlopen(wish, timeout=30) as answer:
            room = json.load(answer)["id"]
        return self.run_typescript("modelina", self.server.url, str(room))


GENERATORS: dict[str, tuple[Callable[[Workshop], str], str]] = {
    "openapi-typescript": (Workshop.openapi_typescript, "by openapi-typescript"),
    "@hey-api/openapi-ts": (Workshop.hey_api, "by hey-api"),
    "openapi-python-client": (Workshop.openapi_python_client, "by openapi-python-client"),
    "modelina (AsyncAPI)": (Workshop.modelina, "by modelina"),
}


def main(folder: Path) -> int:
    if shutil.which("npm") is None:
        sys.stdout.write("No npm: the generators of clients were not tried.\n")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    failures = 0
    with TemporaryDirectory() as data:
        server = Server(Path(data)).start()
        try:
            workshop = Workshop(folder, server)
            workshop.install()
            workshop.fetch()
            for name, (generate, expected) in GENERATORS.items():
                try:
                    said = generate(workshop)
                except RuntimeError as error:
                    said = str(error)
                failures += said != expected
                verdict = "sends a message" if said == expected else f"FAILED\n{said}"
                sys.stdout.write(f"{name:<24} {verdict}\n")
                sys.stdout.flush()
        finally:
            server.end()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
