-- Times are milliseconds since 1970, UTC; ids are 16 bytes that sort by time. Columns beside `body`
-- exist for a key, a filter, an order or an access scope; NULL means: not set. Names of table and
-- column are the words of the domain.

-- Counters: taken at the start of a writer, written once in each batch. Sizes: GetStatus.
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  last_sequence BIGINT NOT NULL,
  next_case_number BIGINT NOT NULL,
  customers BIGINT NOT NULL,
  responses BIGINT NOT NULL,
  cases BIGINT NOT NULL,
  events BIGINT NOT NULL
);
INSERT INTO meta VALUES (1, 0, 1, 0, 0, 0, 0);

-- The truth: append-only, a hash chain, without personal text. Read in order by verify and replay.
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  customer_id BLOB,
  response_id BLOB,
  case_id BLOB,
  type TEXT NOT NULL,
  occurred_ms BIGINT NOT NULL,
  recorded_ms BIGINT NOT NULL,
  actor TEXT NOT NULL,
  org_unit_id TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  status TEXT NOT NULL,
  phase BIGINT NOT NULL,
  schema_version BIGINT NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL,
  body BLOB NOT NULL
);
-- CaseEvents: the timeline of one case, oldest first.
CREATE INDEX events_case ON events (case_id, sequence) WHERE case_id IS NOT NULL;

-- Personal text, by id, with the salt of its commitment in the events. Erasing deletes rows.
CREATE TABLE texts (
  id BLOB PRIMARY KEY,
  salt BLOB NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;

-- GetCustomer, and ListCustomers newest first.
CREATE TABLE customers (
  id BLOB PRIMARY KEY,
  version BIGINT NOT NULL,
  alias_of BLOB,
  org_unit_id TEXT,
  do_not_contact BIGINT,
  segment TEXT,
  account_id TEXT,
  body BLOB NOT NULL
) WITHOUT ROWID;
-- AliasesOf: the records that stand for a customer.
CREATE INDEX customers_alias_of ON customers (alias_of) WHERE alias_of IS NOT NULL;

-- FindCustomer: the key another system uses. Personal, hence erased with the customer.
CREATE TABLE customer_keys (
  source_system TEXT NOT NULL,
  external_id TEXT NOT NULL,
  customer_id BLOB NOT NULL,
  PRIMARY KEY (source_system, external_id)
) WITHOUT ROWID;

-- GetResponse, and ListResponses newest first.
CREATE TABLE responses (
  id BLOB PRIMARY KEY,
  version BIGINT NOT NULL,
  source_system TEXT,
  external_id TEXT,
  program_id TEXT,
  customer_id BLOB,
  occurred_ms BIGINT NOT NULL,
  recorded_ms BIGINT,
  score BIGINT,
  category TEXT,
  touchpoint TEXT,
  org_unit_id TEXT,
  queue_id TEXT,
  channel TEXT,
  language TEXT,
  respondent_role TEXT,
  body BLOB NOT NULL
) WITHOUT ROWID;
-- ResponsesOf one customer; ScanAnswers and LastAnswerAt read nothing but this index.
CREATE INDEX responses_customer ON responses (customer_id, program_id, occurred_ms, id, category);
-- FindResponse, and that an external id is used once.
CREATE UNIQUE INDEX responses_key ON responses (source_system, external_id)
  WHERE source_system IS NOT NULL;

-- GetCaseByNumber, and the rows themselves.
CREATE TABLE cases (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  version BIGINT NOT NULL,
  program_id TEXT,
  customer_id BLOB,
  dedupe_slot BLOB,          -- customer and program while the case holds their one open slot
  invitation_id BLOB,
  due_sort BIGINT NOT NULL,  -- next due time; 9223372036854775807: none
  claimable BIGINT NOT NULL, -- 1: unowned, and there is work to do
  severity BIGINT NOT NULL,
  opened_ms BIGINT NOT NULL,
  closed_ms BIGINT,
  status TEXT,
  phase TEXT,
  org_unit_id TEXT,
  queue_id TEXT,
  owner TEXT,
  category TEXT,
  score BIGINT,
  touchpoint TEXT,
  playbook_id TEXT,
  origin TEXT,
  channel TEXT,
  language TEXT,
  handling_result TEXT,
  resurvey_result TEXT,
  value_at_risk BIGINT,
  arm TEXT,
  history BIGINT,
  reopen_count BIGINT,
  body BLOB NOT NULL
);
-- GetCase, and full scans in id order.
CREATE UNIQUE INDEX cases_id ON cases (id);
-- CasesOf one customer.
CREATE INDEX cases_customer ON cases (customer_id, program_id) WHERE customer_id IS NOT NULL;
-- One open case for each customer and program.
CREATE UNIQUE INDEX cases_dedupe_slot ON cases (dedupe_slot) WHERE dedupe_slot IS NOT NULL;
-- FindCaseByInvitation.
CREATE INDEX cases_invitation ON cases (invitation_id) WHERE invitation_id IS NOT NULL;
-- ListCases of one queue by next due time.
CREATE INDEX cases_queue_due ON cases (queue_id, due_sort, number);
-- ListCases by next due time; CasesDue, EarliestDue and CountDue.
CREATE INDEX cases_due ON cases (due_sort, number);
-- ListCases by opening time.
CREATE INDEX cases_opened ON cases (opened_ms, number);
-- BestToClaim.
CREATE INDEX cases_claim ON cases (queue_id, severity DESC, due_sort, number, org_unit_id)
  WHERE claimable = 1;

-- Every timer, pending and ended. The pending ones' earliest due time is cases.due_sort.
CREATE TABLE timers (
  case_id BLOB NOT NULL,
  kind BIGINT NOT NULL,
  generation BIGINT NOT NULL,
  due_ms BIGINT NOT NULL,
  state BIGINT NOT NULL,
  ended_ms BIGINT,
  PRIMARY KEY (case_id, kind, generation)
) WITHOUT ROWID;

-- What is to be sent, in the order of the events that ask for it.
CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY,  -- of the event
  kind TEXT NOT NULL,            -- resurvey_invitation
  case_id BLOB NOT NULL,
  org_unit_id TEXT NOT NULL,
  queue_id TEXT NOT NULL,
  state TEXT NOT NULL,           -- pending
  tries BIGINT NOT NULL,
  next_try_ms BIGINT NOT NULL
);

-- Reports by program, day and org unit: sums of Contribution.
CREATE TABLE rollups (
  program_id TEXT NOT NULL,
  day BIGINT NOT NULL,
  org_unit_id TEXT NOT NULL,
  promoters BIGINT NOT NULL,
  passives BIGINT NOT NULL,
  detractors BIGINT NOT NULL,
  anonymous BIGINT NOT NULL,
  anonymous_detractors BIGINT NOT NULL,
  opened BIGINT NOT NULL,
  no_known_customer BIGINT NOT NULL,
  not_from_response BIGINT NOT NULL,
  merged BIGINT NOT NULL,
  invalid BIGINT NOT NULL,
  mis_scored BIGINT NOT NULL,
  open BIGINT NOT NULL,
  eligible BIGINT NOT NULL,
  contacted BIGINT NOT NULL,
  remedied BIGINT NOT NULL,
  asked BIGINT NOT NULL,
  answered BIGINT NOT NULL,
  recovered_first BIGINT NOT NULL,
  converted_first BIGINT NOT NULL,
  recovered_ever BIGINT NOT NULL,
  converted_ever BIGINT NOT NULL,
  PRIMARY KEY (program_id, day, org_unit_id)
) WITHOUT ROWID;

-- Configuration revisions: the last one is loaded at start-up.
CREATE TABLE revisions (
  number INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  text TEXT NOT NULL,
  source TEXT NOT NULL
);

-- Who may call. Lists are joined by line feeds.
CREATE TABLE principals (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  org_units TEXT NOT NULL,
  queues TEXT NOT NULL,
  disabled BIGINT NOT NULL
) WITHOUT ROWID;

-- FindPrincipal: by SHA-256 of the token.
CREATE TABLE principal_tokens (
  token_hash BLOB PRIMARY KEY,
  name TEXT NOT NULL
) WITHOUT ROWID;

-- Finished mutations lie in one table for each UTC day, requests_YYYYMMDD, which are made with
-- their first row and dropped as a whole: see sqlite_requests.h.
