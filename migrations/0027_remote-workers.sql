-- Remote workers: jobs whose behaviour runs outside. All columns are null for other jobs, which costs them nothing.

-- Who holds the job, or held it last.
ALTER TABLE jobs ADD COLUMN worker TEXT;
-- 1 while the job is only offered: handed out, and neither started nor settled.
ALTER TABLE jobs ADD COLUMN offered INTEGER;
-- When it was handed out, and by how much a heartbeat extends its lease. Milliseconds.
ALTER TABLE jobs ADD COLUMN taken INTEGER;
ALTER TABLE jobs ADD COLUMN extension INTEGER;
-- What the worker settled it with under its lease: [digest of the outcome, state, time]; a repeat gets the same answer.
ALTER TABLE jobs ADD COLUMN settled TEXT;
-- Gates it is inside of: JSON, lease by gate.
ALTER TABLE jobs ADD COLUMN entered TEXT;

-- The lease under which an effect was begun: the same worker may ask again when it did not get the answer.
ALTER TABLE effects ADD COLUMN holder TEXT;

-- Types that a token with the scope `work` is bound to, as JSON; null: all.
ALTER TABLE tokens ADD COLUMN types TEXT;

-- One row for each job in a worker's hands, found by the time when it must be looked at. jobs.wake holds that time.
-- Written when a job is taken, removed when it is settled: two rows, which no other job pays. `place`: where it stood on the shelf.
CREATE TABLE leases (
  tenant TEXT NOT NULL,
  type   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  id     TEXT NOT NULL,
  worker TEXT NOT NULL,
  place  INTEGER NOT NULL,
  PRIMARY KEY (tenant, type, at, id)
) WITHOUT ROWID;

-- What each pull took, for five minutes: a repeat of the same pull gets the same jobs. One row for each pull that took something.
-- `jobs`: JSON, [tenant, id, type, place] of each.
CREATE TABLE pulls (
  owner  TEXT NOT NULL,
  pull   TEXT NOT NULL,
  nonce  TEXT NOT NULL,
  worker TEXT NOT NULL,
  body   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  jobs   TEXT NOT NULL,
  PRIMARY KEY (owner, pull)
) WITHOUT ROWID;

-- Who asks for work. `owner`: a tenant, or * for a worker that serves all of them. `wish`: what an operator wants of it.
-- `voids`: offers in a row that it never started; `quiet`: until when it gets none for that.
CREATE TABLE workers (
  owner  TEXT NOT NULL,
  worker TEXT NOT NULL,
  types  TEXT NOT NULL,
  polled INTEGER,
  beaten INTEGER,
  wish   TEXT NOT NULL DEFAULT 'run',
  voids  INTEGER NOT NULL DEFAULT 0,
  quiet  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (owner, worker)
) WITHOUT ROWID;
