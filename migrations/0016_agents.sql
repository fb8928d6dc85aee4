-- Runs of agents: what models were asked and answered, what tools did, what people decided, and what it cost.
-- Times in milliseconds since 1970, money in millionths of a USD.

-- One row a run. Tokens and money are reserved before a call and corrected by its answer: what a lost answer may have cost stays counted.
CREATE TABLE agent_runs (
  tenant TEXT    NOT NULL,
  job    TEXT    NOT NULL,
  agent  TEXT    NOT NULL,
  dry    INTEGER NOT NULL,
  tokens INTEGER NOT NULL DEFAULT 0,
  micros INTEGER NOT NULL DEFAULT 0,
  ms     INTEGER NOT NULL DEFAULT 0, -- in model calls
  at     INTEGER NOT NULL,
  PRIMARY KEY (tenant, job)
) WITHOUT ROWID;

-- The list shows the newest first. A run is rare and dear compared with this row.
CREATE INDEX agent_runs_by_time ON agent_runs (tenant, at, job);

-- Place 0 of step 0 is what the agent was given, place 0 of a further step a model's answer, the places after it the tool calls of that answer.
CREATE TABLE agent_steps (
  tenant     TEXT    NOT NULL,
  job        TEXT    NOT NULL,
  step       INTEGER NOT NULL,
  place      INTEGER NOT NULL,
  kind       TEXT    NOT NULL, -- input, model, tool
  body       TEXT,             -- JSON; null when it is in R2
  ref        TEXT,
  tokens     INTEGER NOT NULL DEFAULT 0,
  micros     INTEGER NOT NULL DEFAULT 0,
  at         INTEGER NOT NULL,
  PRIMARY KEY (tenant, job, step, place)
) WITHOUT ROWID;

-- A tool call that waits for a person, or waited.
CREATE TABLE agent_proposals (
  tenant     TEXT    NOT NULL,
  job        TEXT    NOT NULL,
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
  PRIMARY KEY (tenant, job, step, place)
) WITHOUT ROWID;

CREATE INDEX agent_proposals_unwoken ON agent_proposals (decided_at) WHERE woken = 0;

-- What a tenant set for an agent.
CREATE TABLE agent_settings (
  tenant     TEXT NOT NULL,
  agent      TEXT NOT NULL,
  budget     TEXT,             -- JSON
  stopped_at INTEGER,
  stopped_by TEXT,
  PRIMARY KEY (tenant, agent)
) WITHOUT ROWID;

-- Spent in a month (UTC), reservations included.
CREATE TABLE agent_spend (
  tenant  TEXT    NOT NULL,
  agent   TEXT    NOT NULL,
  month   TEXT    NOT NULL,    -- 2026-11
  micros  INTEGER NOT NULL DEFAULT 0,
  tokens  INTEGER NOT NULL DEFAULT 0,
  calls   INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, agent, month)
) WITHOUT ROWID;

-- Texts of products that a person approved. The shop is not written.
CREATE TABLE product_texts (
  tenant           TEXT    NOT NULL,
  site             TEXT    NOT NULL,
  product          INTEGER NOT NULL,
  description      TEXT    NOT NULL,
  meta_title       TEXT    NOT NULL,
  meta_description TEXT    NOT NULL,
  job              TEXT    NOT NULL,
  at               INTEGER NOT NULL,
  PRIMARY KEY (tenant, site, product)
) WITHOUT ROWID;
