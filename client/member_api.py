"""The HTTP calls of a user's client besides its socket."""

from collections.abc import Sequence
from typing import Any

import httpx

from .errors import ServerUnreachable
from .files import LocalFile
from .records import UserId
from .server_api import error_of

MAX_INLINE_SIZE = 256 * 1024  # bytes of all files of a message that travel in its frame
REQUEST_TIMEOUT = 60.0  # seconds


class MemberApi:
    """The member's side of the HTTP API."""

    def __init__(self, url: str) -> None:
        self._base = f"{url}/api/v1/chat/"

    async def fetch_user_id(self, token: str) -> UserId | None:
        """Return the user id of the token, or None where the server does not answer with one."""
        try:
            async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT) as http:
                answer = await http.get(f"{self._base}me/", headers=_bearer(token))
            return answer.json()["user_id"] if answer.is_success else None
        except (httpx.TransportError, ValueError, KeyError):
            return None

    async def entries(
        self, token: str, room_id: int, files: Sequence[LocalFile]
    ) -> list[dict[str, Any]]:
        """Return the `files` of a frame: small ones inside it, large ones uploaded first."""
        if sum(len(file.data) for file in files) <= MAX_INLINE_SIZE:
            return [file.inline() for file in files]
        async with httpx.AsyncClient(timeout=REQUEST_TIMEOUT) as http:
            return [await self._upload(http, token, room_id, file) for file in files]

    async def _upload(
        self, http: httpx.AsyncClient, token: str, room_id: int, file: LocalFile
    ) -> dict[str, Any]:
        wanted = {"room_id": room_id, **file.announced()}
        url = f"{self._base}attachments/"
        try:
            asked = await http.post(url, json=wanted, headers=_bearer(token))
            if not asked.is_success:
                raise error_of(asked)
            place = asked.json()
            done = await http.put(
                place["presigned_url"], content=file.data, headers=place["headers"]
            )
        except httpx.TransportError as error:
            raise ServerUnreachable(f"{file.name}: {error}") from error
        if not done.is_success:
            raise error_of(done)
        return {"file_path": place["file_path"]}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
