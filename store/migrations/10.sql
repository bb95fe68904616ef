-- What the other member of a room of two sees of the receipts of one who has blocked them.

alter table members add column shown_delivered bigint;
alter table members add column shown_read bigint;

update members
   set shown_delivered = delivered_upto, shown_read = read_upto
 where (room_id, user_id) in (
       select r.id, b.user_id
         from blocks b join rooms r on r.low_user = b.blocked_id and r.high_user = b.user_id
       union all
       select r.id, b.user_id
         from blocks b join rooms r on r.low_user = b.user_id and r.high_user = b.blocked_id);
