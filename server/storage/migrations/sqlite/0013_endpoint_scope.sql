-- What an endpoint is sent is no wider than the credential that made it. Before this schema no call
-- made endpoints, so there are none without a role. The requests that make them are kept with those
-- that change them, in access_requests.
ALTER TABLE endpoints ADD COLUMN role TEXT NOT NULL DEFAULT '';
ALTER TABLE endpoints ADD COLUMN org_units BLOB NOT NULL DEFAULT x'';
ALTER TABLE endpoints ADD COLUMN queues BLOB NOT NULL DEFAULT x'';
ALTER TABLE endpoints DROP COLUMN request;
ALTER TABLE endpoints DROP COLUMN request_body;
