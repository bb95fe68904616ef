-- Unread counters without counting deleted messages.

drop view member_unread;

alter table members add column unread_deleted bigint not null default 0;

update members
   set unread_deleted = (select count(*) from messages m
                          where m.room_id = members.room_id and m.id > members.read_upto
                            and m.sender_id <> members.user_id and m.deleted_at is not null);

create view member_unread as
select me.room_id, me.user_id, r.total - me.sent - me.seen - me.unread_deleted as unread
  from members me join rooms r on r.id = me.room_id;
