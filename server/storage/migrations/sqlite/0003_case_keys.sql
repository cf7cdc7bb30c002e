-- Cases by the key another system has for them. Those of rows of before are filled in from their
-- bodies (migrate.cc).
ALTER TABLE cases ADD COLUMN source_system TEXT;
ALTER TABLE cases ADD COLUMN external_id TEXT;
CREATE INDEX cases_external_key ON cases (source_system, external_id, number)
  WHERE external_id IS NOT NULL;
