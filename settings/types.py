"""The types of settings; each description ends the sentence "expected …" of an error."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

MIB = 1 << 20
DURATION_FORMAT = "seconds, or a duration such as 90s, 5m, 24h or 7d"
SIZE_FORMAT = "bytes, or a size such as 64KiB, 10MiB or 1GiB"
HOST_PATTERN = r"([^\s/?#@:*\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?"

# Each description is the end of the sentence "expected …".
Flag = Annotated[bool, Meta(description="true or false")]
Text = Annotated[str, Meta(description="a text")]
Keys = Annotated[
    tuple[Annotated[str, Meta(pattern=r"\A[!-~]{32,}\Z")], ...],
    "words",
    Meta(description="a list of keys, each of at least 32 characters of ASCII without blanks"),
]
OpenBy = Annotated[Literal["members", "host"], Meta(description="members or host")]
Maximum = Annotated[int, Meta(ge=0, description="a whole number, 0 is off")]
Filled = Annotated[str, Meta(min_length=1, description="a text that is not empty")]
Count = Annotated[int, Meta(ge=1, description="a whole number above 0")]
Several = Annotated[int, Meta(ge=2, description="a whole number above 1")]
Limit = Annotated[int, Meta(ge=0, le=10_000_000, description="a whole number, 0 is off")]
Port = Annotated[int, Meta(ge=0, le=65_535, description="a port from 0 to 65535")]
Rate = Annotated[float, Meta(ge=0, le=1e6, description="how many a second, 0 is off")]
Bytes = Annotated[int, "bytes", Meta(ge=1, le=1 << 40, description=SIZE_FORMAT)]
BytesOrNone = Annotated[int, "bytes", Meta(ge=0, le=1 << 40, description=f"0, or {SIZE_FORMAT}")]
Seconds = Annotated[float, "seconds", Meta(gt=0, le=3_650 * 86_400, description=DURATION_FORMAT)]
GracePeriod = Annotated[float, "seconds", Meta(ge=0, le=86_400, description=DURATION_FORMAT)]
Wait = Annotated[
    float, "seconds", Meta(ge=0, le=3_650 * 86_400, description=f"0, {DURATION_FORMAT}")
]
Answer = Annotated[float, "seconds", Meta(gt=0, le=30, description="at most 30 seconds")]
Leeway = Annotated[float, "seconds", Meta(ge=0, le=60, description="at most 60 seconds")]
Address = Annotated[
    str,
    Meta(
        pattern=rf"\A(https?://{HOST_PATTERN}(/[^\s?#]*[^\s?#/])?)?\Z",
        description="an address such as https://chat.example.com, without a slash at its end",
    ),
]
WebAddress = Annotated[
    str,
    Meta(
        pattern=rf"\A(https?://{HOST_PATTERN}(/[^\s#]*)?)?\Z",
        description="an address such as https://shop.example.com/chat-events",
    ),
]
Origins = Annotated[
    tuple[Annotated[str, Meta(pattern=rf"\A(\*|[a-z][a-z0-9+.-]*://{HOST_PATTERN})\Z")], ...],
    Meta(description="a list of origins such as https://example.com"),
]
Proxies = Annotated[
    tuple[Annotated[str, Meta(pattern=r"\A(\*|[0-9a-fA-F:.]+(/[0-9]{1,3})?)\Z")], ...],
    Meta(description="a list of addresses such as 10.0.0.5 or 10.0.0.0/8"),
]
Picture = Annotated[
    str,
    Meta(
        pattern=r"\A((https?:/)?/[^\s\"'<>]+)?\Z",
        description="an address or a path, such as /logo.svg",
    ),
]
Colour = Annotated[
    str,
    Meta(
        pattern=r"\A(#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}))?\Z", description="a colour such as #0f766e"
    ),
]
Languages = Annotated[
    tuple[Annotated[str, Meta(pattern=r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*\Z")], ...],
    Meta(min_length=1, description="a list of languages such as en and pt-BR"),
]
FileTypes = Annotated[
    tuple[Annotated[str, Meta(pattern=r"\A[a-z]+/[a-z0-9][a-z0-9.+-]*\Z")], ...],
    Meta(description="a list of types such as image/png"),
]
DatabaseUrl = Annotated[
    str,
    Meta(
        pattern=r"\A(sqlite:///(?!:memory:)[^?]+|postgres(ql)?://\S*/\S+)\Z",
        description="sqlite:///path/to/file.db or postgresql://user:password@host/database",
    ),
]
BroadcastUrl = Annotated[
    str,
    Meta(
        pattern=r"\A(memory://|(rediss?(\+(sentinel|cluster))?|postgres(ql)?)://[^/\s]+\S*)\Z",
        description="memory://, redis://host:port, redis+sentinel://host:port/service, "
        "redis+cluster://host:port or postgresql://user:password@host/database",
    ),
]
AttachmentsUrl = Annotated[
    str,
    Meta(
        pattern=r"\A(file:(///|(?!//)).+|s3://([^@\s]+@)?[^/\s]+/[^/?\s]+(\?\S*)?)\Z",
        description="file:./folder, file:///folder or s3://KEY:SECRET@host:port/bucket",
    ),
]
Synchronous = Annotated[Literal["NORMAL", "FULL"], Meta(description="NORMAL or FULL")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    Meta(description="debug, info, warning, error or critical"),
]
Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES256K", "ES384", "ES512", "EdDSA",
]  # fmt: skip
Algorithms = Annotated[
    tuple[Algorithm, ...],
    Meta(description=f"a list of any of {', '.join(get_args(Algorithm))}"),
]
MIN_SECRET_SIZES = {"HS256": 32, "HS384": 48, "HS512": 64}  # bytes of a secret
