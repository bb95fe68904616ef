-- Pages above any number of tombstones; the rules that several queries share.

create index messages_present on messages (room_id, id) where deleted_at is null;

create view blocked_senders as
select r.id as room_id, b.blocked_id as user_id
  from rooms r join blocks b on b.blocked_id = r.low_user and b.user_id = r.high_user
union all
select r.id, b.blocked_id
  from rooms r join blocks b on b.blocked_id = r.high_user and b.user_id = r.low_user;

create view member_unread as
select me.room_id, me.user_id,
       r.total - me.sent - me.seen
       - (select count(*) from messages m
           where m.room_id = me.room_id and m.id > me.read_upto
             and m.sender_id <> me.user_id and m.deleted_at is not null) as unread
  from members me join rooms r on r.id = me.room_id;
