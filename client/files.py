"""Files that a message carries."""

import base64
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class LocalFile:
    """A file by name and bytes; without `type` its name decides the type."""

    name: str
    data: bytes
    type: str = ""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read the file at this path; its name is kept."""
        return cls(Path(path).name, Path(path).read_bytes())

    @property
    def content_type(self) -> str:
        """The declared type; the server examines the bytes if it is unknown."""
        return self.type or mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def inline(self) -> dict[str, Any]:
        """Return the entry of `files` with the bytes."""
        return self.announced() | {"data": base64.b64encode(self.data).decode()}

    def announced(self) -> dict[str, Any]:
        """Return the fields that ask for an upload URL."""
        return {"name": self.name, "size": len(self.data), "type": self.content_type}
