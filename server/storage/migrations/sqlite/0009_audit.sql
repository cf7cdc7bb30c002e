-- Who did what, was refused what, and took what away: append-only, a hash chain of its own beside
-- that of the events, its sequences without gaps. No personal data of customers: it outlives their
-- erasure. In order by verify; by subject, else newest first, by ListAudit, which finds times by
-- halving, for they rise with the sequence.
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  at_ms BIGINT NOT NULL,
  kind BIGINT NOT NULL,
  principal TEXT NOT NULL,
  role TEXT NOT NULL,
  method TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id BLOB,
  request_key BLOB,
  address TEXT NOT NULL,
  count BIGINT NOT NULL,
  detail TEXT NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL
);
-- ListAudit: what was done with one record.
CREATE INDEX audit_subject ON audit (subject_id, sequence) WHERE subject_id IS NOT NULL;

-- Where the chain ends: what it is continued from, and how a tail that was cut off is noticed.
CREATE TABLE audit_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  sequence BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  hash BLOB NOT NULL
);
INSERT INTO audit_head VALUES (1, 0, 0, zeroblob(32));
