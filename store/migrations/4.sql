-- What a restored database is recognized by has another name.

update meta set name = 'lineage' where name = 'life';
