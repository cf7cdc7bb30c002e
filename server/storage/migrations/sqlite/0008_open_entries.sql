-- OpenEntriesOf: of every blacklist entry that has not ended what restricts (Brief), side by side for
-- each customer. It is read before anything is done with or for one; whole entries, with their
-- grounds and decisions, are several times as long. Filled in from the entries (migrate.cc).
CREATE TABLE open_entries (
  customer_id BLOB NOT NULL,
  number BIGINT NOT NULL,
  brief BLOB NOT NULL,
  PRIMARY KEY (customer_id, number)
) WITHOUT ROWID;
DROP INDEX blacklist_entries_open;
