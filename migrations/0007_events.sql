-- Events: where they go, what they said, and who wants to hear of them. Times in milliseconds since 1970.

-- The secret with which a tenant signs events it posts without a token; sealed.
CREATE TABLE event_doors (
  tenant  TEXT    NOT NULL PRIMARY KEY,
  secret  TEXT    NOT NULL, -- JSON list of {secret, until?}
  updated INTEGER NOT NULL
) WITHOUT ROWID;

-- What a tenant has changed of the built-in destinations, and those of its own.
CREATE TABLE destinations (
  tenant     TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  enabled    INTEGER NOT NULL,
  events     TEXT,             -- JSON list; null is what is built in
  filter     TEXT,             -- JSON
  delay      INTEGER,          -- seconds; null is what is built in
  host       TEXT,             -- of its address, which is sealed; null for a built-in one
  sealed     TEXT,             -- JSON {url, secret?, previous?}
  retired    TEXT,             -- why the receiver wants no more
  retired_at INTEGER,
  created    INTEGER NOT NULL,
  updated    INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- A connection that is set anew is tried anew. Only this name: it is the one destination that is retired with its connection.
CREATE TRIGGER slack_connected AFTER INSERT ON connections WHEN NEW.name = 'slack'
BEGIN
  UPDATE destinations SET retired = NULL, retired_at = NULL WHERE tenant = NEW.tenant AND name = 'slack';
END;

CREATE TRIGGER slack_set_anew AFTER UPDATE OF updated ON connections WHEN NEW.name = 'slack'
BEGIN
  UPDATE destinations SET retired = NULL, retired_at = NULL WHERE tenant = NEW.tenant AND name = 'slack';
END;

CREATE TABLE subscriptions (
  tenant     TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  events     TEXT    NOT NULL, -- JSON list
  jobs       INTEGER NOT NULL, -- 1: wants to hear of jobs that end
  host       TEXT    NOT NULL,
  sealed     TEXT    NOT NULL, -- JSON {url, secret, previous?}
  retired    TEXT,
  retired_at INTEGER,
  created    INTEGER NOT NULL,
  updated    INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- What events said of a thing; its state is made from them.
CREATE TABLE facts (
  tenant TEXT    NOT NULL,
  entity TEXT    NOT NULL,
  at     INTEGER NOT NULL,
  event  TEXT    NOT NULL,
  type   TEXT    NOT NULL,
  data   TEXT    NOT NULL, -- JSON
  email  TEXT,             -- of the data, as it is the same in every spelling
  phone  TEXT,             -- of the data: the digits it ends with
  PRIMARY KEY (tenant, entity, at, event)
) WITHOUT ROWID;

-- By which somebody who wants to be forgotten is found.
CREATE INDEX facts_by_email ON facts (tenant, email) WHERE email IS NOT NULL;
CREATE INDEX facts_by_phone ON facts (tenant, phone) WHERE phone IS NOT NULL;
CREATE INDEX facts_by_lead ON facts (tenant, data ->> '$.leadId') WHERE data ->> '$.leadId' IS NOT NULL;

CREATE TABLE answers (
  tenant TEXT    NOT NULL,
  entity TEXT    NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (tenant, entity)
) WITHOUT ROWID;

CREATE TABLE follow_ups (
  tenant TEXT NOT NULL,
  entity TEXT NOT NULL,
  job    TEXT NOT NULL,
  PRIMARY KEY (tenant, entity, job)
) WITHOUT ROWID;

-- Ended jobs that a subscription has not been told of yet: normally empty.
CREATE TABLE ended_jobs (
  tenant TEXT    NOT NULL,
  job    TEXT    NOT NULL,
  seq    INTEGER NOT NULL,
  state  TEXT    NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (tenant, job, seq)
) WITHOUT ROWID;

-- In the transaction that ends the job, whoever ends it: neither can happen without the other. Nothing is written for a tenant
-- that has no such subscription. A job that tells a subscription something is not told of itself, or there would be no end; it is
-- known by its entity and not by its payload, which may lie in R2.
CREATE TRIGGER jobs_ended AFTER UPDATE OF state ON jobs
WHEN NEW.state IN ('done', 'dead', 'discarded', 'cancelled') AND OLD.state <> NEW.state
  AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.tenant = NEW.tenant AND s.jobs = 1 AND s.retired IS NULL)
  AND (NEW.type <> 'webhook' OR NEW.entities IS NULL OR instr(NEW.entities, '"subscription:') = 0)
BEGIN
  INSERT INTO ended_jobs (tenant, job, seq, state, at) VALUES (NEW.tenant, NEW.id, NEW.seq, NEW.state, coalesce(NEW.ended, 0)) ON CONFLICT DO NOTHING;
END;
