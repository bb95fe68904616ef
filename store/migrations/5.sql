-- Bans, profiles that the site sets, quotas, keys of repeated requests, and listeners that the
-- database knows.

alter table people add column email text;
alter table people add column language text;
alter table people add column name_is_set integer not null default 0;
alter table people add column picture_is_set integer not null default 0;

create index rooms_context on rooms (context, id) where context <> '';

alter table outbox add column context text;
alter table outbox add column details text;

create table bans (
    user_id text primary key,
    until bigint,
    reason text not null default '',
    created_at bigint not null
);

create table room_quotas (
    user_id text not null,
    day bigint not null,
    opened bigint not null,
    primary key (user_id, day)
);

create table idempotency_keys (
    key text primary key,
    body_hash bigint not null,
    room_id bigint not null references rooms (id) on delete cascade,
    created_at bigint not null
);

create index idempotency_keys_created on idempotency_keys (created_at);

create table listeners (
    name text primary key,
    unread_after bigint not null,
    seen_at bigint not null
);
