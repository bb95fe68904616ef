-- Unread counters, archived and muted rooms, replies, reactions, blocks and presence.

alter table rooms add column total bigint not null default 0;
alter table rooms add column floor bigint not null default 0;
update rooms set total = (select count(*) from messages m where m.room_id = rooms.id);

alter table members add column sent bigint not null default 0;
alter table members add column seen bigint not null default 0;
alter table members add column is_muted integer not null default 0;
alter table members add column archived_at_total bigint;
update members
   set sent = (select count(*) from messages m
                where m.room_id = members.room_id and m.sender_id = members.user_id),
       seen = (select count(*) from messages m
                where m.room_id = members.room_id and m.sender_id <> members.user_id
                  and m.id <= members.read_upto);

alter table messages add column reply_to bigint;
create index messages_deleted on messages (room_id, id) where deleted_at is not null;

alter table people add column last_seen bigint;

create table reactions (
    room_id bigint not null,
    message_id bigint not null,
    emoji text not null,
    user_id text not null,
    created_at bigint not null,
    primary key (room_id, message_id, emoji, user_id),
    foreign key (room_id, message_id) references messages (room_id, id) on delete cascade
);

create index reactions_user on reactions (user_id);

create table blocks (
    user_id text not null,
    blocked_id text not null,
    created_at bigint not null,
    primary key (user_id, blocked_id)
);

create table processes (
    id text primary key,
    alive_until bigint not null
);

create table presence (
    user_id text not null,
    process_id text not null references processes (id) on delete cascade,
    primary key (user_id, process_id)
);

create index presence_process on presence (process_id);
