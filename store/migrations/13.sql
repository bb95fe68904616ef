-- Columns and a table get the names of the glossary: the version of the member list, revocations,
-- reminders.

alter table rooms rename column roster to members_version;

alter table members rename column warned_upto to reminded_upto;

drop index cuts_at;

alter table cuts rename to revocations;

alter table revocations rename column cut_at to revoked_at;

create index revocations_at on revocations (revoked_at);

-- only postgresql
alter index cuts_pkey rename to revocations_pkey;
-- end
