-- A replay with a changed payload begins a run anew: its records have the revision of the job under which they were made, and those of
-- the revision before stay to be read. The key of a table cannot be changed, so both are made anew.

ALTER TABLE agent_runs ADD COLUMN revision INTEGER NOT NULL DEFAULT 0; -- under which the run goes on
ALTER TABLE agent_runs ADD COLUMN input_hash TEXT;                      -- SHA-256 of the payload of that revision

CREATE TABLE agent_steps_new (
  tenant     TEXT    NOT NULL,
  job        TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  step       INTEGER NOT NULL,
  place      INTEGER NOT NULL,
  kind       TEXT    NOT NULL, -- input, model, tool, retry
  body       TEXT,             -- JSON; null when it is in R2
  ref        TEXT,
  tokens     INTEGER NOT NULL DEFAULT 0,
  micros     INTEGER NOT NULL DEFAULT 0,
  at         INTEGER NOT NULL,
  PRIMARY KEY (tenant, job, revision, step, place)
) WITHOUT ROWID;

INSERT INTO agent_steps_new SELECT tenant, job, 0, step, place, kind, body, ref, tokens, micros, at FROM agent_steps;
DROP TABLE agent_steps;
ALTER TABLE agent_steps_new RENAME TO agent_steps;

CREATE TABLE agent_proposals_new (
  tenant     TEXT    NOT NULL,
  job        TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  step       INTEGER NOT NULL,
  place      INTEGER NOT NULL,
  agent      TEXT    NOT NULL,
  tool       TEXT    NOT NULL,
  body       TEXT    NOT NULL, -- JSON, as edited once it is approved
  state      TEXT    NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'expired')),
  edited     INTEGER NOT NULL DEFAULT 0,
  asked_at   INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  decided_at INTEGER,
  decided_by TEXT,
  reason     TEXT,
  woken      INTEGER,          -- 0: decided, and its job may not have noticed
  PRIMARY KEY (tenant, job, revision, step, place)
) WITHOUT ROWID;

INSERT INTO agent_proposals_new
  SELECT tenant, job, 0, step, place, agent, tool, body, state, edited, asked_at, expires_at, decided_at, decided_by, reason, woken FROM agent_proposals;
DROP TABLE agent_proposals;
ALTER TABLE agent_proposals_new RENAME TO agent_proposals;

CREATE INDEX agent_proposals_unwoken ON agent_proposals (decided_at) WHERE woken = 0;
