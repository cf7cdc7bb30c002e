-- Who has which cases, and in which order those of nobody are claimed; the active steps of plans. Rows
-- of before are filled in from their bodies and events (migrate.cc).
ALTER TABLE cases ADD COLUMN needs_work BIGINT NOT NULL DEFAULT 0;
ALTER TABLE cases ADD COLUMN owned_ms BIGINT;       -- since when the owner has it
ALTER TABLE cases ADD COLUMN commitment_ms BIGINT;  -- earliest pending promise
-- Earliest due time of a running clock; 9223372036854775807: none.
ALTER TABLE cases ADD COLUMN breach_sort BIGINT NOT NULL DEFAULT 9223372036854775807;

-- BestToClaim: what no promise brings forward.
DROP INDEX cases_claim;
CREATE INDEX cases_claim
  ON cases (queue_id, priority_rank, severity DESC, COALESCE(value_at_risk, 0) DESC, breach_sort,
            number, org_unit_id, commitment_ms)
  WHERE claimable = 1;
-- BestToClaim: promises that are near.
CREATE INDEX cases_promise
  ON cases (queue_id, commitment_ms, priority_rank, severity DESC,
            COALESCE(value_at_risk, 0) DESC, breach_sort, number, org_unit_id)
  WHERE claimable = 1 AND commitment_ms IS NOT NULL;
-- LoadOf: how many need work, and the newest.
CREATE INDEX cases_load ON cases (owner, needs_work)
  WHERE owner IS NOT NULL AND needs_work = 1;
CREATE INDEX cases_owner ON cases (owner, owned_ms) WHERE owner IS NOT NULL;

-- The active step of the plan, for filters: what is mine to do, what my department's tasks are.
ALTER TABLE cases ADD COLUMN step_id TEXT;
ALTER TABLE cases ADD COLUMN step_queue TEXT;
ALTER TABLE cases ADD COLUMN step_owner TEXT;
CREATE INDEX cases_step_queue ON cases (step_queue, due_sort, number) WHERE step_queue IS NOT NULL;
CREATE INDEX cases_step_owner ON cases (step_owner, due_sort, number) WHERE step_owner IS NOT NULL;
