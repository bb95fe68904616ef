-- What a member has not read may lie below any number of their own messages: blocks of messages pass
-- these. The server adds the blocks in the background, room by room.

alter table rooms add column blocks_upto bigint not null default 0;

alter table rooms add column blocks_version bigint not null default 0;

create table message_blocks (
    room_id bigint not null references rooms (id) on delete cascade,
    upto bigint not null,
    block_after bigint not null,
    only_sender text,
    primary key (room_id, upto)
);

insert into list_changes (room_id)
select id from rooms where version >= 250 and deleted_at is null
on conflict (room_id) do nothing;
