-- When somebody was last given a case, whatever became of it: round robin goes by that. Filled in from
-- the events of before, as are the attempts at the beginning of rounds (migrate.cc).
CREATE TABLE staff_given (
  principal TEXT PRIMARY KEY,
  given_ms BIGINT NOT NULL
) WITHOUT ROWID;
