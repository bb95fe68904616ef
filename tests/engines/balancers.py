"""The proxies as docs/proxies has them, on free ports and without TLS."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx

from . import Engine, Missing

INSTALLED = Path(__file__).parents[2] / ".cache/proxies/bin"  # by `make failover`
EXAMPLES = Path(__file__).parents[2] / "docs/proxies"


class Balancer(Engine):
    """A proxy before two processes, with the example's configuration."""

    name: str
    example: str
    how = "apt-get install it, as .ci/packages does"
    listens: tuple[str, str]  # the example's line, and what it becomes

    def __init__(self, folder: Path, ports: tuple[int, int]) -> None:
        super().__init__(folder)
        self.binary = self._find()
        text = (EXAMPLES / self.example).read_text()
        here = self.listens[1].format(port=self.port)
        replaced = dict(zip(("127.0.0.1:8000", "127.0.0.1:8001"), ports, strict=True))
        for old, new in {**self.more(folder), self.listens[0]: here}.items():
            assert old in text, old
            text = text.replace(old, new)
        for old, port in replaced.items():
            assert old in text
            text = text.replace(old, f"127.0.0.1:{port}")
        lines = [line for line in text.splitlines() if "ssl_certificate" not in line]
        self.configuration = folder / self.example
        self.configuration.write_text("\n".join(lines) + "\n")

    def more(self, folder: Path) -> dict[str, str]:
        """What else of the example is replaced."""
        return {}

    def _find(self) -> Path:
        if found := shutil.which(self.name, path=f"{os.environ['PATH']}:/usr/sbin:{INSTALLED}"):
            return Path(found)
        raise Missing(f"no {self.name}: {self.how}")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Nginx(Balancer):
    name = "nginx"
    example = "nginx.conf"
    listens = "listen 443 ssl;", "listen 127.0.0.1:{port};"

    def more(self, folder: Path) -> dict[str, str]:
        kinds = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"
        paths = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        return {"http {": f"http {{ access_log off; {paths}"}

    def command(self) -> list[str | Path]:
        directives = f"daemon off; pid {self.folder}/pid; error_log {self.log} warn;"
        return [self.binary, "-p", self.folder, "-c", self.configuration, "-g", directives]


class Haproxy(Balancer):
    name = "haproxy"
    example = "haproxy.cfg"
    listens = "bind :443 ssl crt /etc/ssl/chat.example.com.both.pem", "bind 127.0.0.1:{port}"

    def more(self, folder: Path) -> dict[str, str]:
        return {"maxconn 20000": "maxconn 2000"}  # what a test may open

    def command(self) -> list[str | Path]:
        return [self.binary, "-db", "-f", self.configuration]


class Caddy(Balancer):
    name = "caddy"
    example = "Caddyfile"
    listens = "chat.example.com {", "http://127.0.0.1:{port} {{"

    def more(self, folder: Path) -> dict[str, str]:
        """What Caddy knows from 2.7 on is left out for an earlier one."""
        here = {
            "(roomcast) {": "{\n\tadmin off\n\tauto_https off\n}\n\n(roomcast) {",
            "www.example.com {": f"http://www.example.com:{self.port} {{",
        }
        shown = subprocess.run([self.binary, "version"], capture_output=True, text=True, check=True)
        version = [int(number) for number in re.findall(r"\d+", shown.stdout)[:2]]
        return here if version >= [2, 7] else here | {"\t\tstream_close_delay 5m\n": ""}

    def command(self) -> list[str | Path]:
        return [self.binary, "run", "--adapter", "caddyfile", "--config", self.configuration]


class Traefik(Balancer):
    name = "traefik"
    how = "make failover installs it"
    example = "traefik-roomcast.yml"
    listens = "Host(`chat.example.com`)", "Host(`127.0.0.1`)"

    def more(self, folder: Path) -> dict[str, str]:
        text = (EXAMPLES / "traefik.yml").read_text()
        here = {
            ":443": f"127.0.0.1:{self.port}",
            "/etc/traefik/roomcast.yml": str(folder / self.example),
            "/etc/traefik": str(folder),
        }
        for old, new in here.items():
            assert old in text, old
            text = text.replace(old, new)
        (folder / "traefik.yml").write_text(text)
        return {"      tls: { certResolver: letsencrypt }\n": ""}

    def command(self) -> list[str | Path]:
        return [self.binary, f"--configFile={self.folder / 'traefik.yml'}"]

    def lives(self) -> bool:
        """It listens before it has read the routes."""
        return super().lives() and httpx.get(f"{self.url}/healthz").status_code != 404
