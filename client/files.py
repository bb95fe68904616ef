"""Files that a message carries."""

import base64
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class LocalFile:
    """A file by name and bytes; without `type` the name decides what it is."""

    name: str
    data: bytes
    type: str = ""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The file at this path, under its own name."""
        return cls(Path(path).name, Path(path).read_bytes())

    @property
    def content_type(self) -> str:
        """The declared type; the server looks at the bytes where it is not known."""
        return self.type or mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def inline(self) -> dict[str, Any]:
        """The entry of `files` that holds the bytes themselves."""
        return self.announced() | {"data": base64.b64encode(self.data).decode()}

    def announced(self) -> dict[str, Any]:
        """The fields that ask for an upload address."""
        return {"name": self.name, "size": len(self.data), "type": self.content_type}
