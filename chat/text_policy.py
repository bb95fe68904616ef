"""The rules for texts that others will see, and the call of the host's hook for them."""

from functools import partial

from ..integrations.hooks import BeforeSend, Draft, approved
from ..protocol.errors import EmptyMessage, InvalidFrame, NotFound, TooLong
from ..protocol.ids import is_clean, wire_user
from ..protocol.text import has_direction_controls, is_emoji, shows_something
from ..settings.model import Limits, ReactionSettings
from ..store import rooms
from ..store.store import Store


class TextPolicy:
    """Checks messages, titles, contexts and reactions, and asks the hook `before_send`."""

    def __init__(
        self,
        limits: Limits,
        reactions: ReactionSettings,
        store: Store,
        before_send: BeforeSend | None,
    ) -> None:
        self.limits = limits
        self._reactions = reactions
        self._store = store
        self._before_send = before_send

    @property
    def asks_host(self) -> bool:
        """Whether the host's `before_send` is asked about texts."""
        return self._before_send is not None

    def check_text(self, text: str, name: str) -> None:
        """Raise TooLong or InvalidFrame for a text that can't be stored."""
        most = self.limits.max_text_length
        if len(text) > most:
            raise TooLong(f"The text is too long: at most {most} characters.")
        if not is_clean(text):
            raise InvalidFrame(f"{name}: NUL and lone surrogates are not accepted.")

    def check_new(
        self, text: str, client_id: str | None, *, has_files: bool, by_site: bool = False
    ) -> None:
        """Raise a Refusal for a wrong field of a new message, from a socket, HTTP or the host."""
        name, file = ("text", "files") if by_site else ("message", "file")
        self.check_text(text, name)
        if not has_files and not shows_something(text):
            raise EmptyMessage(f"A message needs text in `{name}` or a file in `{file}`.")
        if client_id is not None:
            most = self.limits.max_client_id_length
            if len(client_id) > most or not is_clean(client_id):
                raise InvalidFrame(f"client_id: a string of at most {most} characters is needed.")

    def check_label(self, text: str, name: str) -> None:
        """Raise a Refusal for a title or context that can't be shown; it may be empty."""
        most = self.limits.max_title_length
        if len(text) > most:
            raise TooLong(f"{name}: at most {most} characters.")
        if not is_clean(text):
            raise InvalidFrame(f"{name}: NUL and lone surrogates are not accepted.")
        if text and not shows_something(text):
            raise EmptyMessage(f"{name}: this text shows nothing.")
        if has_direction_controls(text):
            raise InvalidFrame(f"{name}: characters that override the direction are not accepted.")

    def check_emoji(self, emoji: str, *, is_new: bool = True) -> None:
        """Raise InvalidFrame for an invalid new reaction; any existing one may be removed."""
        most = self.limits.max_emoji_length
        if not emoji or len(emoji) > most or not is_clean(emoji):
            raise InvalidFrame(f"emoji: a string of 1 to {most} characters is needed.")
        if not is_new or is_emoji(emoji):
            return
        if not self._reactions.any_text:
            raise InvalidFrame("emoji: one emoji is needed.")
        if not shows_something(emoji):
            raise InvalidFrame("emoji: this text shows nothing.")

    async def approve(self, draft: Draft, user_id: str) -> str:
        """Return the text that the host's hook approves; the hook is called for members alone.

        Raises NotFound to non-members, and what the hook raises.
        """
        if self._before_send is None:
            return draft.text
        if draft.room_id is not None:
            find = partial(rooms.has_member, room_id=draft.room_id, user_id=user_id)
            if not await self._store.read(find):
                raise NotFound
        return await approved(self._before_send, draft)

    async def approve_title(self, room_id: int | None, user_id: str, title: str) -> str:
        """Return the title that the host's hook approves; it is not asked about an empty one."""
        return await self._approve_label(
            Draft(room_id, wire_user(user_id), title, kind="title"), user_id
        )

    async def approve_context(self, user_id: str, context: str) -> str:
        """Return the context that the host's hook approves; it is not asked about an empty one."""
        return await self._approve_label(
            Draft(None, wire_user(user_id), context, kind="context"), user_id
        )

    async def _approve_label(self, draft: Draft, user_id: str) -> str:
        self.check_label(draft.text, draft.kind)
        if not self.asks_host or not draft.text:
            return draft.text
        text = await self.approve(draft, user_id)
        self.check_label(text, draft.kind)
        return text
