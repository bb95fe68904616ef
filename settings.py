"""Defaults < settings.toml < ROOMCAST_* variables < options: one frozen, typed Settings."""

from msgspec import Struct, field

MIB = 1 << 20


class Server(Struct, frozen=True):
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    public_url: str = ""
    languages: tuple[str, ...] = ("en", "uk")
    allowed_origins: tuple[str, ...] = ()
    page: bool = True
    log_level: str = "info"


class Database(Struct, frozen=True):
    url: str = "sqlite:///roomcast.db"
    synchronous: str = "FULL"


class Broadcast(Struct, frozen=True):
    url: str = "memory://"


class Attachments(Struct, frozen=True):
    """Times are seconds, sizes bytes."""

    url: str = "file:./attachments"
    url_ttl: float = 86_400
    upload_ttl: float = 900
    keep_unsent: float = 86_400
    types: tuple[str, ...] = (
        "image/png", "image/jpeg", "image/gif", "image/webp",
        "application/pdf", "text/plain", "application/zip",
    )  # fmt: skip
    max_size: int = 10 * MIB
    max_files: int = 10


class Auth(Struct, frozen=True):
    secret: str = ""
    public_key: str = ""
    jwks_url: str = ""
    algorithms: tuple[str, ...] = ("HS256",)
    user_claim: str = "sub"
    audience: str = ""
    issuer: str = ""
    leeway: float = 0


class Limits(Struct, frozen=True):
    """0 is off where a rate is meant; times are seconds, sizes bytes, texts code points."""

    text: int = 4_000
    title: int = 200
    client_id: int = 64
    frame: int = 16 * MIB
    members: int = 256
    history: int = 50
    history_max: int = 100
    sync: int = 1_000
    page: int = 41
    page_max: int = 100
    actions_per_second: float = 50
    actions_burst: int = 200
    actions_patience: float = 10
    outbox: int = MIB
    slow_after: float = 5
    uncommitted: int = 64


class Settings(Struct, frozen=True):
    server: Server = field(default_factory=Server)
    database: Database = field(default_factory=Database)
    broadcast: Broadcast = field(default_factory=Broadcast)
    attachments: Attachments = field(default_factory=Attachments)
    auth: Auth = field(default_factory=Auth)
    limits: Limits = field(default_factory=Limits)
