"""Buttons of messages: checks those that a site sets, and handles presses of them."""

from collections.abc import Sequence

import msgspec

from ..integrations.hooks import OnAction, Pressed, ask_on_action
from ..protocol import actions
from ..protocol.errors import Conflict, InvalidFrame, NotFound, TooLong
from ..protocol.events import Button
from ..protocol.ids import id_of, is_clean, wire_user
from ..protocol.text import shows_something
from ..store import messages
from ..store.messages import ActChange, Acted, Edited, MessageRow, extra
from ..store.messages.extra import StoredButton
from ..store.store import Store
from .custom_data import JsonObject, pack_data
from .messages import Messages
from .urls import check_url

GivenButton = StoredButton | Button | JsonObject

MAX_BUTTONS = 5
MAX_LABEL_LENGTH = 200
MAX_ID_LENGTH = 64
MAX_PARAMS_SIZE = 1_024  # bytes


class Buttons:
    """Handles presses of buttons by members."""

    def __init__(self, store: Store, messages: Messages, on_action: OnAction | None) -> None:
        self._store = store
        self._messages = messages
        self._on_action = on_action

    async def press(
        self, room_id: int, user_id: str, action: actions.Act
    ) -> tuple[MessageRow, str | None]:
        """Press a button; return the message afterwards, and the site's reply to the member.

        Without a hook of the site, any member may press every button. Raises a Refusal.
        """
        id_ = id_of(action.message_id, "message_id")
        params = None
        if action.params is not None:
            params = bytes(pack_data(action.params, MAX_PARAMS_SIZE, "params")).decode()
        reply = None
        if self._on_action is not None:
            message = await self._check(room_id, user_id, id_, action.id)
            pressed = Pressed(
                room_id, id_, wire_user(user_id), action.id, action.params, message.text
            )
            reply = await ask_on_action(self._on_action, pressed)
        made = await self._messages.make(ActChange(room_id, user_id, id_, action.id, params))
        assert isinstance(made, Acted | Edited)
        return made.message, reply

    async def _check(self, room_id: int, user_id: str, id_: int, button_id: str) -> MessageRow:
        """Raise a Refusal if the button is missing, or one was chosen already."""
        found = await self._store.read(lambda db: messages.get(db, room_id, user_id, id_))
        if found is None:
            raise NotFound(message_id=id_)
        has = extra.read(found.extra)
        if has.button(button_id) is None:
            raise NotFound("id: the message has no such button.", message_id=id_)
        if has.chosen:
            raise Conflict("Somebody has already chosen.", message_id=id_)
        return found


def check_buttons(given: Sequence[GivenButton]) -> tuple[StoredButton, ...]:
    """Return the checked buttons. Raises InvalidFrame and TooLong for invalid ones."""
    try:
        plain = msgspec.to_builtins(given)
        buttons = msgspec.convert(plain, tuple[StoredButton, ...])
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidFrame(f"actions: {error}") from None
    if len(buttons) > MAX_BUTTONS:
        raise InvalidFrame(f"actions: at most {MAX_BUTTONS} buttons.")
    for button in buttons:
        _check_button(button)
    ids = [button.id for button in buttons if button.id is not None]
    if len(set(ids)) < len(ids):
        raise InvalidFrame("actions: each button needs an id of its own.")
    return buttons


def _check_button(button: StoredButton) -> None:
    _check_text(button.label, "label", MAX_LABEL_LENGTH)
    if not shows_something(button.label):
        raise InvalidFrame("actions: a button needs a label.")
    if (button.id is None) == (button.url is None):
        raise InvalidFrame("actions: a button needs an id or a url, not both.")
    if button.id is not None:
        _check_text(button.id, "id", MAX_ID_LENGTH)
        if not button.id:
            raise InvalidFrame("actions: the id is empty.")
    if button.style is not None:
        _check_text(button.style, "style", MAX_ID_LENGTH)
    if button.url is not None:
        check_url(button.url, "actions: url")


def _check_text(text: str, name: str, most: int) -> None:
    if not is_clean(text):
        raise InvalidFrame(f"actions: {name}: NUL and lone surrogates are not accepted.")
    if len(text) > most:
        raise TooLong(f"actions: {name}: at most {most} characters.")
