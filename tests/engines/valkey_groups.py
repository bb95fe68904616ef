"""Several Valkey servers that belong together: a primary with sentinels, and a cluster."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from . import START_WITHIN, Engine, free_port
from .valkey import PASSWORD, Valkey, binary

QUOTED = "only%2Ffor%40the%20tests"
DOWN_AFTER = 500  # milliseconds of silence after which a server counts as dead
SERVICE = "mymaster"
SLOTS = 16_384
PRIMARIES = 3


class Node(Valkey):
    """One server; what it is to its group is set by options."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(mode=0o755)
        super().__init__(folder)
        self.options_given = options

    def command(self) -> list[str | Path]:
        login = ["--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"]
        return [*super().command(), *login, *self.options_given]


class SentinelNode(Node):
    """A sentinel that looks after one primary, without a password of its own."""

    def __init__(self, folder: Path, primary: Node) -> None:
        super().__init__(folder)
        lines = [
            f"port {self.port}", "bind 127.0.0.1", f"dir {folder}",
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1",
            f'sentinel auth-pass {SERVICE} "{PASSWORD}"',
            f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}",
            f"sentinel failover-timeout {SERVICE} 3000",
        ]  # fmt: skip
        self.configuration = folder / "sentinel.conf"
        self.configuration.write_text("\n".join(lines))

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def command(self) -> list[str | Path]:
        return [binary(), self.configuration, "--sentinel"]


class Group(Engine):
    """Servers that are one engine to whoever uses them; none of them is proxied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.nodes: list[Node] = []

    def command(self) -> list[str | Path]:
        raise AssertionError("its nodes are started")

    def lives(self) -> bool:
        return all(node.lives() for node in self.nodes)

    def end(self) -> None:
        for node in self.nodes:
            node.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class SentinelGroup(Group):
    """A primary, a replica and a sentinel, of which one decides alone."""

    def start(self) -> None:
        primary = Node(self.folder / "primary")
        replica = Node(self.folder / "replica", "--replicaof", f"127.0.0.1 {primary.port}")
        sentinel = SentinelNode(self.folder / "sentinel", primary)
        self.nodes = [primary, replica, sentinel]
        primary.start()
        replica.start()
        wait_for(lambda: "slave0:" in primary.execute("INFO", "replication"), "a replica")
        wait_for(lambda: "state=online" in primary.execute("INFO", "replication"), "a replica")
        sentinel.start()
        wait_for(lambda: sentinel.execute("SENTINEL", "REPLICAS", SERVICE) == "*1", "the sentinel")

    @property
    def url(self) -> str:
        """With a sentinel that is not there in front."""
        hosts = f"127.0.0.1:9,127.0.0.1:{self.nodes[2].port}"
        return f"redis+sentinel://:{QUOTED}@{hosts}/{SERVICE}"

    def kill_primary(self) -> None:
        self.nodes[0].kill()

    def switches_over(self) -> bool:
        """Whether the sentinel begins to make the replica the primary; it looks at it first."""
        return self.nodes[2].execute("SENTINEL", "FAILOVER", SERVICE) == "+OK"


class ClusterGroup(Group):
    """Three primaries, and a replica of the first."""

    def start(self) -> None:
        options = "--cluster-enabled", "yes", "--cluster-node-timeout", str(DOWN_AFTER)
        buses = [str(free_port()) for _ in range(PRIMARIES + 1)]  # their own is 10,000 higher
        self.nodes = [
            Node(self.folder / f"node-{n}", *options, "--cluster-port", bus)
            for n, bus in enumerate(buses)
        ]
        first, *others = self.nodes
        replica = self.nodes[-1]
        for node in self.nodes:
            node.start()
        share = SLOTS // PRIMARIES + 1
        for number, node in enumerate(self.nodes[:PRIMARIES]):
            last = min(SLOTS, (number + 1) * share) - 1
            node.execute("CLUSTER", "ADDSLOTSRANGE", str(number * share), str(last))
        for node in others:
            node.execute("CLUSTER", "MEET", "127.0.0.1", str(first.port), buses[0])
        wait_for(lambda: self.is_whole, "the cluster")
        identity = first.execute("CLUSTER", "MYID")
        wait_for(lambda: replica.execute("CLUSTER", "REPLICATE", identity) == "+OK", "its replica")
        wait_for(lambda: "state=online" in first.execute("INFO", "replication"), "its replica")

    @property
    def is_whole(self) -> bool:
        """Whether each node knows all the others and all slots."""
        said = [node.execute("CLUSTER", "INFO") for node in self.nodes]
        known = f"cluster_known_nodes:{len(self.nodes)}"
        return all("cluster_state:ok" in each and known in each for each in said)

    @property
    def url(self) -> str:
        """By the nodes that the tests leave alone."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[1:])
        return f"redis+cluster://:{QUOTED}@{hosts}"

    def kill_primary(self) -> None:
        self.nodes[0].kill()

    def move(self, slot: int, old: Node, new: Node) -> None:
        """An empty slot, in the steps that tell every node of it."""
        to, of = new.execute("CLUSTER", "MYID"), old.execute("CLUSTER", "MYID")
        for node, *words in (
            (new, "IMPORTING", of), (old, "MIGRATING", to), (new, "NODE", to), (old, "NODE", to),
        ):  # fmt: skip
            assert node.execute("CLUSTER", "SETSLOT", str(slot), *words) == "+OK"


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """There is nothing to wait for but the server's own word."""
    deadline = time.monotonic() + START_WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"{what} does not come up"
        time.sleep(0.02)
