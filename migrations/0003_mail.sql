-- Mail templates. Versions are only added: a job renders the version that was newest when it was enqueued, so a retry sends the same bytes.
CREATE TABLE templates (
  tenant  TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  version INTEGER NOT NULL,
  subject TEXT    NOT NULL,
  html    TEXT,
  text    TEXT,
  created INTEGER NOT NULL, -- milliseconds; never before the version below
  PRIMARY KEY (tenant, id, version)
);
