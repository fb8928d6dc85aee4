-- The ledger. Every table is keyed by what it is read by and has no other index:
-- each index would cost one more written row per job.

CREATE TABLE jobs (
  tenant   TEXT NOT NULL,
  id       TEXT NOT NULL,
  type     TEXT NOT NULL,
  version  INTEGER NOT NULL,
  queue    TEXT NOT NULL,
  state    TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  attempt  INTEGER NOT NULL DEFAULT 0,
  runs     INTEGER NOT NULL DEFAULT 0,
  max      INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  due      INTEGER,
  sent     INTEGER,
  wake     INTEGER,
  gate     TEXT,
  sweeps   INTEGER NOT NULL DEFAULT 0,
  lease    TEXT,
  until    INTEGER NOT NULL DEFAULT 0,
  crash    INTEGER NOT NULL DEFAULT 0,
  cancel   INTEGER NOT NULL DEFAULT 0,
  boot     TEXT NOT NULL DEFAULT '',
  dry      INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 0,
  born     INTEGER,
  started  INTEGER,
  ended    INTEGER,
  site     TEXT,
  fp       TEXT,
  parent   TEXT,
  slot     TEXT,
  ref      TEXT,
  reason   TEXT,
  progress TEXT,
  entities TEXT,
  cursor   TEXT,
  result   TEXT,
  payload  TEXT,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- Derived ids carry no time: their place among the others.
CREATE TABLE arrivals (
  tenant TEXT NOT NULL,
  slot   TEXT NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (tenant, slot)
) WITHOUT ROWID;

-- Jobs the tick must look at, by time. One row a job at most; jobs.wake holds its time.
CREATE TABLE due (
  at     INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (at, tenant, id)
) WITHOUT ROWID;

-- Jobs held at a gate, without a message. jobs.gate and jobs.wake hold the key.
CREATE TABLE parked (
  tenant TEXT NOT NULL,
  gate   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (tenant, gate, at, id)
) WITHOUT ROWID;

CREATE TABLE parked_gates (
  tenant TEXT NOT NULL,
  gate   TEXT NOT NULL,
  PRIMARY KEY (tenant, gate)
) WITHOUT ROWID;

CREATE TABLE dead_letters (
  tenant  TEXT NOT NULL,
  died    INTEGER NOT NULL,
  id      TEXT NOT NULL,
  type    TEXT NOT NULL,
  state   TEXT NOT NULL,
  site    TEXT,
  reason  TEXT NOT NULL,
  kind    TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (tenant, died, id)
) WITHOUT ROWID;

CREATE TABLE history (
  tenant TEXT NOT NULL,
  job    TEXT NOT NULL,
  at     INTEGER NOT NULL,
  event  TEXT NOT NULL,
  detail TEXT,
  PRIMARY KEY (tenant, job, at, event)
) WITHOUT ROWID;

CREATE TABLE effects (
  tenant   TEXT NOT NULL,
  job      TEXT NOT NULL,
  key      TEXT NOT NULL,
  revision INTEGER NOT NULL,
  state    TEXT NOT NULL,
  result   TEXT,
  at       INTEGER NOT NULL,
  PRIMARY KEY (tenant, job, key)
) WITHOUT ROWID;

CREATE TABLE entities (
  tenant TEXT NOT NULL,
  key    TEXT NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (tenant, key, id)
) WITHOUT ROWID;

CREATE TABLE counters (
  tenant TEXT NOT NULL,
  minute INTEGER NOT NULL,
  type   TEXT NOT NULL,
  event  TEXT NOT NULL,
  n      INTEGER NOT NULL,
  ms     INTEGER NOT NULL,
  PRIMARY KEY (tenant, minute, type, event)
) WITHOUT ROWID;

CREATE TABLE pauses (
  tenant TEXT NOT NULL,
  scope  TEXT NOT NULL,
  name   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (tenant, scope, name)
) WITHOUT ROWID;

-- How far a walk over time-ordered rows has come.
CREATE TABLE watermarks (
  tenant   TEXT NOT NULL,
  walk     TEXT NOT NULL,
  position TEXT NOT NULL,
  PRIMARY KEY (tenant, walk)
) WITHOUT ROWID;

-- How each step of the newest tick ended.
CREATE TABLE ticks (
  step    TEXT NOT NULL PRIMARY KEY,
  outcome TEXT NOT NULL,
  at      INTEGER NOT NULL,
  ms      INTEGER NOT NULL,
  detail  TEXT
) WITHOUT ROWID;

CREATE TABLE replays (
  tenant  TEXT NOT NULL,
  id      TEXT NOT NULL,
  state   TEXT NOT NULL,
  request TEXT NOT NULL,
  total   INTEGER NOT NULL,
  done    INTEGER NOT NULL,
  failed  INTEGER NOT NULL,
  cursor  TEXT,
  at      INTEGER NOT NULL,
  ended   INTEGER,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE TABLE audit (
  tenant TEXT NOT NULL,
  at     INTEGER NOT NULL,
  id     TEXT NOT NULL,
  actor  TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT,
  PRIMARY KEY (tenant, at, id)
) WITHOUT ROWID;
