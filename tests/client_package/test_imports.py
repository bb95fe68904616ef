"""roomcast.client stands alone: httpx and websockets are all that it needs."""

import subprocess
import sys
from pathlib import Path

import httpx
import websockets

CLIENT = Path(__file__).parents[2] / "client"
NEEDED = ("httpx", "httpcore", "h11", "anyio", "sniffio", "idna", "certifi", "websockets")
TRY = """
import sys
import roomcast.client
ours = {name for name in sys.modules if name.partition(".")[0] == "roomcast"}
assert all(name == "roomcast" or name.startswith("roomcast.client") for name in ours), ours
assert roomcast.client.Chat("http://127.0.0.1:9", "k", retries=0).room
for name in roomcast.client.__all__:
    assert getattr(roomcast.client, name).__doc__, name
sys.stdout.write("alone")
"""


def test_it_needs_httpx_and_websockets_only(tmp_path: Path) -> None:
    """A folder with the client and these two packages, and no other site-packages at all."""
    (tmp_path / "roomcast").mkdir()
    (tmp_path / "roomcast/client").symlink_to(CLIENT)
    packages = Path(httpx.__file__).parents[1]
    assert Path(websockets.__file__).parents[1] == packages
    for name in (*NEEDED, "typing_extensions.py"):
        if (packages / name).exists():
            (tmp_path / name).symlink_to(packages / name)
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-W",
            "error",
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{TRY}",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout == "alone", done.stderr
