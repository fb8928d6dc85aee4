-- Jobs that wait for their time may be run now together, as they are cancelled. SQLite cannot widen a CHECK: the table is made anew.
CREATE TABLE bulk_actions_new (
  tenant  TEXT NOT NULL,
  id      TEXT NOT NULL,
  action  TEXT NOT NULL CHECK (action IN ('cancel', 'dismiss', 'run-now')),
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
INSERT INTO bulk_actions_new (tenant, id, action, state, request, total, done, failed, cursor, at, ended)
  SELECT tenant, id, action, state, request, total, done, failed, cursor, at, ended FROM bulk_actions;
DROP TABLE bulk_actions;
ALTER TABLE bulk_actions_new RENAME TO bulk_actions;
