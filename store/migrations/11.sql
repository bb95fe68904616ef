-- How many rooms each user has in their list and in their archive.

create table room_counts (
    user_id text primary key,
    listed bigint not null default 0,
    archived bigint not null default 0
);

insert into room_counts (user_id, listed, archived)
select user_id, count(*) - count(archived_at_total), count(archived_at_total)
  from members group by user_id;
