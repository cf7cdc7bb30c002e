-- Priorities, pauses and escalation for filters and for claiming; who applied which revision; what
-- the server remembers of clock and zone data.
ALTER TABLE cases ADD COLUMN priority TEXT;
ALTER TABLE cases ADD COLUMN priority_rank BIGINT NOT NULL DEFAULT 1000;
ALTER TABLE cases ADD COLUMN escalation_level BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN paused BIGINT NOT NULL DEFAULT 0;

-- BestToClaim, by priority first.
DROP INDEX cases_claim;
CREATE INDEX cases_claim
  ON cases (queue_id, priority_rank, severity DESC, due_sort, number, org_unit_id)
  WHERE claimable = 1;

ALTER TABLE revisions ADD COLUMN applied_by TEXT NOT NULL DEFAULT 'system';
ALTER TABLE revisions ADD COLUMN applied_ms BIGINT NOT NULL DEFAULT 0;

-- ServerState: one row.
CREATE TABLE server_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  clock_seen_ms BIGINT NOT NULL,
  held_since_ms BIGINT,          -- timers are held; NULL: not
  zone_data TEXT NOT NULL
);
INSERT INTO server_state VALUES (1, 0, NULL, '');
