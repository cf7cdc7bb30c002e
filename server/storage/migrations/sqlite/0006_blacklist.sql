-- Blacklist entries: restrictions of customers, each with its due process.
CREATE TABLE blacklist_entries (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  version BIGINT NOT NULL,
  customer_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  org_unit_id TEXT,
  due_ms BIGINT,              -- when time alone changes something next; NULL: it has ended
  expires_ms BIGINT NOT NULL,
  rule_id TEXT,
  body BLOB NOT NULL
);
-- GetEntry, and ListEntries newest first.
CREATE UNIQUE INDEX blacklist_entries_id ON blacklist_entries (id);
-- EntriesOf, and ListEntries of one customer.
CREATE INDEX blacklist_entries_customer ON blacklist_entries (customer_id, id);
-- OpenEntriesOf: what is asked before anything is done with or for a customer.
CREATE INDEX blacklist_entries_open ON blacklist_entries (customer_id, number)
  WHERE due_ms IS NOT NULL;
-- ListEntries in one state: what waits for a decision.
CREATE INDEX blacklist_entries_state ON blacklist_entries (state, id);
-- EntriesDue: the bell.
CREATE INDEX blacklist_entries_due ON blacklist_entries (due_ms, number)
  WHERE due_ms IS NOT NULL;

ALTER TABLE meta ADD COLUMN next_entry_number BIGINT NOT NULL DEFAULT 1;
ALTER TABLE meta ADD COLUMN entries BIGINT NOT NULL DEFAULT 0;

ALTER TABLE events ADD COLUMN entry_id BLOB;
-- EntryEvents: the timeline of one entry, oldest first.
CREATE INDEX events_entry ON events (entry_id, sequence) WHERE entry_id IS NOT NULL;

-- Up to which event the rules that propose entries have been tried.
ALTER TABLE server_state ADD COLUMN rules_tried BIGINT NOT NULL DEFAULT 0;

-- A notice of an entry belongs to no case: rows are in order by whichever of the two they name.
CREATE TABLE outbox_of_both (
  sequence INTEGER PRIMARY KEY,  -- of the event
  kind TEXT NOT NULL,
  case_id BLOB,
  entry_id BLOB,
  org_unit_id TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  state TEXT NOT NULL,           -- pending
  tries BIGINT NOT NULL,
  next_try_ms BIGINT NOT NULL,
  CHECK ((case_id IS NULL) <> (entry_id IS NULL))
);
INSERT INTO outbox_of_both
  SELECT sequence, kind, case_id, NULL, org_unit_id, queue_id, state, tries, next_try_ms FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_of_both RENAME TO outbox;
