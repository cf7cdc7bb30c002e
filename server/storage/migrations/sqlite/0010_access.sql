-- Users, sessions, API keys and one-time links (access_records.h). Secrets are here as hashes only.
-- Lists are joined by line feeds. name_key is the name in compatibility form, without case.
CREATE TABLE users (
  name_key TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  org_units TEXT NOT NULL, -- org unit, TAB, from, TAB, until; times in ms or empty
  queues TEXT NOT NULL,
  language TEXT NOT NULL,
  password_hash TEXT NOT NULL, -- argon2id with salt and cost
  disabled BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  password_set_ms BIGINT,
  signed_in_ms BIGINT,
  version BIGINT NOT NULL
) WITHOUT ROWID;

-- Sign-ins that have not ended. GetSession: by id.
CREATE TABLE sessions (
  id BLOB PRIMARY KEY,
  token_hash BLOB NOT NULL, -- SHA-256
  user_key TEXT NOT NULL,
  address TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  used_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL
) WITHOUT ROWID;
-- FindSession.
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);
-- SessionsOf.
CREATE INDEX sessions_user ON sessions (user_key, id);
-- RemoveExpired.
CREATE INDEX sessions_expires ON sessions (expires_ms);

-- Kept when they have ended, to be seen. GetApiKey: by id.
CREATE TABLE api_keys (
  id BLOB PRIMARY KEY,
  token_hash BLOB NOT NULL, -- SHA-256
  prefix TEXT NOT NULL,
  user_key TEXT NOT NULL,
  role TEXT NOT NULL,
  org_units TEXT NOT NULL,
  queues TEXT NOT NULL,
  methods TEXT NOT NULL,
  description TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  used_ms BIGINT,
  revoked_ms BIGINT
) WITHOUT ROWID;
-- FindApiKey.
CREATE UNIQUE INDEX api_keys_token ON api_keys (token_hash);
-- ApiKeysOf.
CREATE INDEX api_keys_user ON api_keys (user_key, id);

-- Links that were not used yet.
CREATE TABLE one_time_tokens (
  token_hash BLOB PRIMARY KEY, -- SHA-256
  kind BIGINT NOT NULL,
  user_key TEXT NOT NULL,
  expires_ms BIGINT NOT NULL
) WITHOUT ROWID;

-- Finished changes of all these, as requests_YYYYMMDD has those of the domain. Few, so one table.
CREATE TABLE access_requests (
  key BLOB PRIMARY KEY,
  body BLOB NOT NULL,
  resource BLOB,
  at_ms BIGINT NOT NULL
) WITHOUT ROWID;
-- RemoveExpired.
CREATE INDEX access_requests_at ON access_requests (at_ms);
