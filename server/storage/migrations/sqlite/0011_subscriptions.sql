-- Places in the log of events that principals keep under a name. No event tells of them: they are
-- the subscribers' own.
CREATE TABLE subscriptions (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  sequence BIGINT NOT NULL,      -- of the last event that was committed; 0: before all
  mark BLOB NOT NULL,            -- of that event: LogPosition
  created_ms BIGINT NOT NULL,
  committed_ms BIGINT,
  request BLOB NOT NULL,         -- that made it
  request_body BLOB NOT NULL,
  PRIMARY KEY (owner, name)
) WITHOUT ROWID;

-- Secrets of the server's own that have to outlive its process, made when they are first asked for.
-- They lie in every backup: nothing may rest on one that an owner of the file must not do.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  secret BLOB NOT NULL
) WITHOUT ROWID;
