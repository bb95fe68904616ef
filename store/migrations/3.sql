-- The size of pictures.

alter table attachments add column width integer;
alter table attachments add column height integer;
alter table uploads add column width integer;
alter table uploads add column height integer;
