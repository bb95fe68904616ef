-- A place in the list for each member; the words that rooms are found by.

alter table members add column listed_at bigint not null default 0;
alter table members add column is_behind integer not null default 0;

update members
   set listed_at = (select r.active_at from rooms r where r.id = members.room_id),
       is_behind = case when marked_unread = 1
                          or (select u.unread from member_unread u
                               where u.room_id = members.room_id
                                 and u.user_id = members.user_id) > 0 then 1 else 0 end,
       archived_at_total = case when archived_at_total =
                                     (select r.total from rooms r where r.id = members.room_id)
                                then archived_at_total end;

drop index members_archived;
create index members_listed on members (user_id, listed_at, room_id) where archived_at_total is null;
create index members_archived on members (user_id, listed_at, room_id)
where archived_at_total is not null;
create index members_behind on members (user_id, listed_at, room_id) where is_behind = 1;

create table list_changes (
    room_id bigint primary key
);

create table word_changes (
    room_id bigint primary key,
    changes bigint not null default 1
);

-- only sqlite
create table room_words (
    room_id bigint not null references rooms (id) on delete cascade,
    user_id text not null,
    word text not null,
    primary key (room_id, user_id, word)
) without rowid;
-- end

-- only postgresql
create table room_words (
    room_id bigint not null references rooms (id) on delete cascade,
    user_id text not null,
    word text collate "C" not null,
    primary key (room_id, user_id, word)
);
-- end

create index room_words_word on room_words (user_id, word, room_id);

insert into word_changes (room_id) select id from rooms where deleted_at is null;
