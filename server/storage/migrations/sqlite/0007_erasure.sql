-- Secrets that personal values in rows and events are sealed with (seal.h). Erasing a person deletes
-- theirs. Rows and events of before are in the clear: see migrate.cc.
CREATE TABLE person_keys (
  customer_id BLOB PRIMARY KEY,
  secret BLOB NOT NULL
) WITHOUT ROWID;

-- CustomersBy: who may be the same person. Hashes of normalised phone numbers, addresses and keys;
-- erased with the customer. Filled in from their texts (migrate.cc).
CREATE TABLE customer_identities (
  hash BLOB NOT NULL,
  customer_id BLOB NOT NULL,
  PRIMARY KEY (hash, customer_id)
) WITHOUT ROWID;
CREATE INDEX customer_identities_customer ON customer_identities (customer_id);
-- The keys of one customer, for erasing them.
CREATE INDEX customer_keys_customer ON customer_keys (customer_id);

-- What goes on of blacklist entries after their customer was erased, under keyed hashes.
CREATE TABLE suppressions (
  hash BLOB NOT NULL,
  body BLOB NOT NULL,
  expires_ms BIGINT NOT NULL,
  PRIMARY KEY (hash, body)
) WITHOUT ROWID;
CREATE INDEX suppressions_expires ON suppressions (expires_ms);

-- ErasedCustomers.
ALTER TABLE customers ADD COLUMN erased_ms BIGINT;
ALTER TABLE customers ADD COLUMN scrubbed_ms BIGINT;
CREATE INDEX customers_erased ON customers (id, scrubbed_ms) WHERE erased_ms IS NOT NULL;

-- PersonEvents: what happened to somebody beside their cases.
CREATE INDEX events_person ON events (customer_id, sequence)
  WHERE customer_id IS NOT NULL AND case_id IS NULL;
