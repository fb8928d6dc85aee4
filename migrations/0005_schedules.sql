-- Recurring work: one row a schedule. Few rows, so an index on what is due is cheap.
CREATE TABLE schedules (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL, -- JSON
  site_id TEXT,
  cron TEXT NOT NULL, -- five fields
  zone TEXT NOT NULL, -- IANA
  misfire TEXT NOT NULL CHECK (misfire IN ('once', 'skip', 'all')),
  overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'allow')),
  spread_seconds INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  next_at INTEGER, -- the next planned time; null while disabled
  last_planned_at INTEGER, -- the newest planned time that is settled, run or not
  last_job_id TEXT, -- the newest job it enqueued
  last_outcome TEXT, -- ran, skipped, failed
  last_note TEXT,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
