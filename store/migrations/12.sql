-- A room that is deleted takes rows of these tables with it, and would look through all of them.

create index departed_room on departed (room_id);

create index idempotency_keys_room on idempotency_keys (room_id);
