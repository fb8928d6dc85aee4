-- What failed alike, per tenant: a group outlives the dead letters that a replay or a dismissal takes away. One row is written for each
-- group of a batch in which jobs fail or are tried again; a job that is done writes none. Times in milliseconds.
CREATE TABLE failure_groups (
  tenant      TEXT NOT NULL,
  grp         TEXT NOT NULL, -- as dead_letters.kind
  type        TEXT NOT NULL,
  title       TEXT NOT NULL, -- the reason without what differs from case to case
  first_at    INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  total       INTEGER NOT NULL, -- tries that failed so, ever
  hours       TEXT NOT NULL, -- JSON: h0 … h23, each [hour, tries that failed in it]; a day's hour takes the place of the one before
  status      TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'ignored')),
  until_count INTEGER, -- ignored until this many tries have failed since
  since_count INTEGER NOT NULL DEFAULT 0, -- tries that failed since the status was set
  note        TEXT,
  actor       TEXT, -- who set the status
  status_at   INTEGER,
  PRIMARY KEY (tenant, grp)
) WITHOUT ROWID;

INSERT INTO failure_groups (tenant, grp, type, title, first_at, last_at, total, hours)
  SELECT tenant, kind, min(type), '', min(died), max(died), count(*), '{}' FROM dead_letters GROUP BY tenant, kind;

-- Versions of the Worker, each with when the tick first saw it.
CREATE TABLE versions (
  id       TEXT NOT NULL PRIMARY KEY,
  tag      TEXT NOT NULL,
  first_at INTEGER NOT NULL
) WITHOUT ROWID;
