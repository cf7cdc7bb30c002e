-- Endpoints and what is to be delivered to them (delivery_records.h). No event tells of them.
-- Lists are fields 1 (of headers: 1 and 2 in turns) in protobuf wire format.
CREATE TABLE endpoints (
  id BLOB PRIMARY KEY,
  owner TEXT NOT NULL,
  kind BIGINT NOT NULL,
  url TEXT NOT NULL,
  recipients BLOB NOT NULL,
  filter BLOB NOT NULL,
  language TEXT NOT NULL,
  headers BLOB NOT NULL,
  secrets BLOB NOT NULL,         -- as they are, newest first
  previous_until_ms BIGINT,
  state BIGINT NOT NULL,         -- 1 active, 2 disabled
  cause BIGINT NOT NULL,
  sequence BIGINT NOT NULL,      -- the log up to here has been looked at
  mark BLOB NOT NULL,            -- of that event: LogPosition
  created_ms BIGINT NOT NULL,
  failing_since_ms BIGINT,
  request BLOB NOT NULL,         -- that made it
  request_body BLOB NOT NULL
) WITHOUT ROWID;

-- One event for one endpoint. GetDelivery: by id.
CREATE TABLE deliveries (
  id BLOB PRIMARY KEY,
  endpoint_id BLOB NOT NULL,
  sequence BIGINT NOT NULL,      -- of the event
  event_type TEXT NOT NULL,
  case_id BLOB,
  order_key TEXT NOT NULL,       -- case, else entry, else customer
  org_unit_id TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  state BIGINT NOT NULL,         -- 1 pending, 2 delivered, 3 dead, 4 dropped
  tries BIGINT NOT NULL,
  next_try_ms BIGINT,
  -- next_try_ms of the first pending one of its key, NULL in all others: those that wait behind it
  -- cost nothing when the due ones are looked for.
  due_ms BIGINT,
  tried_ms BIGINT,
  last_status BIGINT NOT NULL,
  last_answer TEXT NOT NULL,
  ended_ms BIGINT,
  CHECK ((state = 1) = (next_try_ms IS NOT NULL)),
  CHECK ((state = 1) = (ended_ms IS NULL))
) WITHOUT ROWID;
-- FindDelivery; List of an endpoint.
CREATE UNIQUE INDEX deliveries_event ON deliveries (endpoint_id, sequence);
-- List of an endpoint and a state.
CREATE INDEX deliveries_listed ON deliveries (endpoint_id, state, sequence);
-- List of an endpoint and a case.
CREATE INDEX deliveries_case ON deliveries (endpoint_id, case_id, sequence)
  WHERE case_id IS NOT NULL;
-- Which is the first pending one of a key.
CREATE INDEX deliveries_order ON deliveries (endpoint_id, order_key, sequence) WHERE state = 1;
-- Which is marked as the first of a key: never two.
CREATE UNIQUE INDEX deliveries_head ON deliveries (endpoint_id, order_key)
  WHERE due_ms IS NOT NULL;
-- Due, NextDue.
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_ms, sequence)
  WHERE due_ms IS NOT NULL;
-- Prune; Counts.
CREATE INDEX deliveries_ended ON deliveries (state, ended_ms, next_try_ms);
