-- What went wrong and was sent to a channel: one row for each tenant and cause, few rows. The installation is the tenant '*'.
-- Times in milliseconds.
CREATE TABLE alerts (
  tenant TEXT NOT NULL,
  cause TEXT NOT NULL, -- dead-letters/{group} or tick/{step}
  state TEXT NOT NULL CHECK (state IN ('open', 'recovered')),
  subject TEXT NOT NULL, -- the type of job, or the step
  reason TEXT NOT NULL, -- of the newest failure, redacted
  count INTEGER NOT NULL, -- failures since it opened
  since INTEGER NOT NULL, -- when it opened
  last_at INTEGER NOT NULL, -- the newest failure
  told_at INTEGER, -- when it was last sent
  via TEXT NOT NULL DEFAULT '', -- channels that took it, separated by commas
  recovered_at INTEGER,
  PRIMARY KEY (tenant, cause)
) WITHOUT ROWID;

-- What the tick looks at each minute: normally empty.
CREATE INDEX alerts_open ON alerts (tenant, cause) WHERE state = 'open';
