"""Messages of the site, buttons and frozen rooms, on both engines."""

from roomcast.store import site_rooms
from roomcast.store.messages import ActChange, Acted, Add, Added, Edited, RefusedChange, extra
from roomcast.store.messages.extra import SITE, StoredButton
from roomcast.store.site_rooms import SitePatch
from roomcast.store.store import Store

from .test_batch import ADA, BOB, a_room, store

__all__ = ["store"]


async def test_the_first_press_of_a_button_counts(store: Store) -> None:
    room = await a_room(store, ADA, BOB)
    buttons = extra.of(None, (StoredButton("Yes", "yes", once=True), StoredButton("More", "more")))
    offer = Add(room, SITE, "An offer", extra=buttons, by_site=True)
    (sent,), _, _ = await store.commit([offer], {})
    assert isinstance(sent, Added)
    id_ = sent.message.id
    presses = [ActChange(room, who, id_, what) for who, what in ((ADA, "more"), (BOB, "yes"))]
    late = [ActChange(room, ADA, id_, what) for what in ("yes", "more", "never")]
    outcomes, _, _ = await store.commit([*presses, *late], {})
    assert isinstance(outcomes[0], Acted)
    assert isinstance(outcomes[1], Edited)
    codes = [outcome.code for outcome in outcomes[2:] if isinstance(outcome, RefusedChange)]
    assert codes == ["conflict", "conflict", "not_found"]


async def test_in_a_frozen_room_the_site_alone_writes(store: Store) -> None:
    room, other = await a_room(store, ADA, BOB), await a_room(store, ADA, "3")
    await store.write(lambda db: site_rooms.patch(db, room, SitePatch(frozen=True)))
    (alone,), _, _ = await store.commit([Add(room, ADA, "alone")], {})
    texts = [Add(room, ADA, "x"), Add(other, ADA, "y"), Add(room, BOB, "z", "c1")]
    outcomes, _, _ = await store.commit(texts, {})
    (of_site,), _, _ = await store.commit([Add(room, SITE, "closed", by_site=True)], {})
    assert [isinstance(o, Added) for o in (alone, *outcomes, of_site)] == [
        False, False, True, False, True,
    ]  # fmt: skip
    refused = [o for o in (alone, outcomes[0], outcomes[2]) if isinstance(o, RefusedChange)]
    assert [outcome.code for outcome in refused] == ["forbidden"] * 3
