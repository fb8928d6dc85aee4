-- Events counted by the `analytics` job. The key is the job's, so a batch that is delivered twice adds nothing.
CREATE TABLE analytics_events (
  tenant     TEXT    NOT NULL,
  job        TEXT    NOT NULL,
  event      TEXT    NOT NULL,
  at         INTEGER NOT NULL, -- milliseconds; when it happened
  value      REAL,
  dimensions TEXT,             -- JSON object of strings
  PRIMARY KEY (tenant, job)
) WITHOUT ROWID;
