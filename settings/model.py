"""All settings with types and defaults: a struct for each section."""

import re
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from .types import (
    MIB,
    MIN_SECRET_SIZES,
    Address,
    Algorithms,
    Answer,
    AttachmentsUrl,
    BroadcastUrl,
    Bytes,
    BytesOrNone,
    Colour,
    Count,
    DatabaseUrl,
    FileTypes,
    Filled,
    Flag,
    GracePeriod,
    Keys,
    Languages,
    Leeway,
    Limit,
    LogLevel,
    Maximum,
    OpenBy,
    Origins,
    Picture,
    Port,
    Proxies,
    Rate,
    Seconds,
    Several,
    Synchronous,
    Text,
    Wait,
    WebAddress,
)


class ServerSettings(Struct, frozen=True):
    host: Filled = "127.0.0.1"
    port: Port = 8000
    workers: Count = 1
    start_timeout: Wait = 30
    public_url: Address = ""
    languages: Languages = ("en", "uk")
    allowed_origins: Origins = ()
    trusted_proxies: Proxies = ("127.0.0.1", "::1")
    max_connections: Limit = 10_000
    max_connections_per_address: Limit = 0
    max_connections_per_user: Limit = 200
    frame_ancestors: Origins = ()
    web_client: Flag = True
    ui: Flag = True
    metrics: Flag = True
    log_level: LogLevel = "info"


class Web(Struct, frozen=True):
    name: Filled = "roomcast"
    logo: Picture = ""
    accent: Colour = ""


SECRETS = ("secret", "keys")


class Discreet(Struct, frozen=True):
    """A section whose secrets, keys, and passwords in URLs are hidden in logs and tracebacks."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, self._shown(name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, name: str) -> Any:
        value = getattr(self, name)
        if name in SECRETS and value:
            return "…"
        return public_part(value) if name.endswith("url") else value


def public_part(url: str) -> str:
    """Return a URL without its user, password and query; a password may hold any character."""
    scheme, mark, rest = url.partition("://")
    _, at, place = rest.rpartition("@")
    place, *query = re.split(r"[?#]", place, maxsplit=1)
    return f"{scheme}{mark}{'…@' if at else ''}{place}{'?…' if query else ''}"


class Database(Discreet, frozen=True):
    url: DatabaseUrl = "sqlite:///roomcast.db"
    synchronous: Synchronous = "FULL"


class Broadcast(Discreet, frozen=True):
    url: BroadcastUrl = "memory://"


class AttachmentSettings(Discreet, frozen=True):
    """Storage and limits of files; times are seconds, sizes bytes."""

    url: AttachmentsUrl = "file:./attachments"
    download_url_ttl: Seconds = 86_400
    upload_url_ttl: Seconds = 900
    direct_downloads: Flag = False
    unsent_ttl: Seconds = 86_400
    types: FileTypes = (
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/heic", "image/heif",
        "image/avif",
        "video/mp4", "video/webm", "video/quicktime", "video/3gpp",
        "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/webm", "audio/wav",
        "audio/amr", "audio/3gpp", "audio/flac",
        "application/pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "application/rtf", "text/plain", "text/csv", "text/markdown", "text/vcard",
        "text/calendar", "application/zip",
    )  # fmt: skip
    max_pixels: Count = 40_000_000
    thumbnail_cache_size: BytesOrNone = 16 * MIB
    strip_metadata: Flag = True
    max_size: Bytes = 10 * MIB
    max_files: Count = 10


class Issuer(Discreet, frozen=True):
    """An issuer of tokens: the keys that verify its tokens, and the claims that they must have."""

    secret: Text = ""
    public_key: Text = ""
    jwks_url: Text = ""
    algorithms: Algorithms = ()
    user_claim: Filled = "sub"
    user_prefix: Text = ""
    audience: Text = ""
    issuer: Text = ""
    leeway: Leeway = 0

    @property
    def hmac(self) -> tuple[str, ...]:
        """The algorithms of the secret."""
        return tuple(name for name in self.algorithms or ("HS256",) if name in MIN_SECRET_SIZES)


Issuers = Annotated[
    tuple[Issuer, ...], Meta(description="a list of tables, one for each issuer of tokens")
]


class AuthSettings(Issuer, frozen=True):
    """The first issuer, and others beside it."""

    issuers: Issuers = ()

    @property
    def wants_secret(self) -> bool:
        """Whether tokens need a secret that is not set."""
        others = self.public_key or self.jwks_url or self.issuers
        return not self.secret and bool(self.hmac if self.algorithms else not others)


class Webhooks(Discreet, frozen=True):
    """The webhook; times are seconds, and 0 for unread_reminder_after is off."""

    url: WebAddress = ""
    secret: Text = ""
    timeout: Answer = 10
    max_retry_age: Seconds = 3 * 86_400
    unread_reminder_after: Wait = 0
    allow_private: Flag = False


class ServerApi(Discreet, frozen=True):
    """The keys of the server API; without one it is off."""

    keys: Keys = ()


class RoomPolicy(Struct, frozen=True):
    """The users who may open rooms."""

    open_by: OpenBy = "members"


class Retention(Struct, frozen=True):
    """The time for which messages are kept, in seconds; 0 means always."""

    messages: Wait = 0


class Limits(Struct, frozen=True):
    """Limits of actions; times are seconds, sizes bytes, lengths code points."""

    max_text_length: Count = 4_000
    max_title_length: Count = 200
    max_data_size: BytesOrNone = 4_096
    max_client_id_length: Count = 64
    max_frame_size: Bytes = 16 * MIB
    max_bytes_in_flight: Bytes = 128 * MIB
    max_members: Several = 256
    rooms_per_day: Maximum = 200
    max_blocks: Count = 2_000
    history_page_size: Count = 50
    max_history_page_size: Count = 100
    max_emoji_length: Count = 32
    max_reactions_per_message: Count = 20
    max_resume_changes: Count = 1_000
    max_resume_size: Bytes = MIB
    room_page_size: Count = 41
    max_room_page_size: Count = 100
    search_page_size: Count = 25
    send_queue_size: Bytes = MIB
    slow_consumer_timeout: Seconds = 5
    max_pending_writes: Count = 64


class ReactionSettings(Struct, frozen=True):
    any_text: Flag = False


class RateLimit(Struct, frozen=True):
    """A token bucket: actions a second (0 is off), at once, and seconds of excess until 4029."""

    rate: Rate = 50
    burst: Count = 200
    grace: GracePeriod = 10


class PresenceSettings(Struct, frozen=True):
    """Times of presence, in seconds."""

    grace: GracePeriod = 5.0
    lease: Seconds = 40.0


class Settings(Struct, frozen=True):
    server: ServerSettings = field(default_factory=ServerSettings)
    web: Web = field(default_factory=Web)
    database: Database = field(default_factory=Database)
    broadcast: Broadcast = field(default_factory=Broadcast)
    attachments: AttachmentSettings = field(default_factory=AttachmentSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    server_api: ServerApi = field(default_factory=ServerApi)
    webhooks: Webhooks = field(default_factory=Webhooks)
    rooms: RoomPolicy = field(default_factory=RoomPolicy)
    retention: Retention = field(default_factory=Retention)
    limits: Limits = field(default_factory=Limits)
    reactions: ReactionSettings = field(default_factory=ReactionSettings)
    rate_limit: RateLimit = field(default_factory=RateLimit)
    presence: PresenceSettings = field(default_factory=PresenceSettings)
