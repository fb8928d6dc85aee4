-- How the jobs that a replay sent have ended. `done` counts those that were sent, `open` those of them that have not ended.
ALTER TABLE replays ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN succeeded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN failed_again INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replays ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
-- Why it stopped before all were sent.
ALTER TABLE replays ADD COLUMN reason TEXT;
-- Ids of some jobs that failed again, a JSON list.
ALTER TABLE replays ADD COLUMN examples TEXT NOT NULL DEFAULT '[]';
-- The job that was looked at last: the next look goes on behind it.
ALTER TABLE replays ADD COLUMN looked TEXT NOT NULL DEFAULT '';

-- Jobs that a replay sent and that have not ended: written with the replay, removed once their outcome is counted.
CREATE TABLE replay_jobs (
  tenant TEXT NOT NULL,
  replay TEXT NOT NULL,
  job    TEXT NOT NULL,
  PRIMARY KEY (tenant, replay, job)
) WITHOUT ROWID;

-- Jobs that are cancelled, or dead letters that are dismissed, by a filter or by ids: how far each such action is.
-- A table of its own: an older Worker that meets a row in `replays` replays it.
CREATE TABLE bulk_actions (
  tenant  TEXT NOT NULL,
  id      TEXT NOT NULL,
  action  TEXT NOT NULL CHECK (action IN ('cancel', 'dismiss')),
  state   TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped')),
  request TEXT NOT NULL, -- JSON: filter or ids
  total   INTEGER NOT NULL, -- jobs that it named when it began
  done    INTEGER NOT NULL DEFAULT 0,
  failed  INTEGER NOT NULL DEFAULT 0, -- named, and no longer what the action is for
  cursor  TEXT, -- where the next step goes on
  at      INTEGER NOT NULL, -- milliseconds
  ended   INTEGER,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
