-- Tenants whose jobs take more of a queue than their share: those are forwarded to the queue `overflow`. Read with each claim, beside the pauses;
-- there is a row only while a tenant is heavy.
CREATE TABLE heavy_tenants (
  tenant TEXT    NOT NULL,
  queue  TEXT    NOT NULL, -- the queue the jobs were sent to
  since  INTEGER NOT NULL,
  seen   INTEGER NOT NULL, -- when something of it last came from `overflow`; the mark ends a minute later
  PRIMARY KEY (tenant, queue)
) WITHOUT ROWID;
