-- How long jobs waited and ran, as histograms that only grow: one row for each tenant and type, added to when an isolate writes its counters,
-- so a batch costs a row and not its jobs. `run_0` counts runs of up to the first bound of src/ledger/durations.ts, the last column all above.
-- The tenant `*` has the durations of the tick.
CREATE TABLE durations (
  tenant TEXT NOT NULL,
  type TEXT NOT NULL,
  run_ms INTEGER NOT NULL DEFAULT 0,
  wait_ms INTEGER NOT NULL DEFAULT 0,
  run_0 INTEGER NOT NULL DEFAULT 0,
  run_1 INTEGER NOT NULL DEFAULT 0,
  run_2 INTEGER NOT NULL DEFAULT 0,
  run_3 INTEGER NOT NULL DEFAULT 0,
  run_4 INTEGER NOT NULL DEFAULT 0,
  run_5 INTEGER NOT NULL DEFAULT 0,
  run_6 INTEGER NOT NULL DEFAULT 0,
  run_7 INTEGER NOT NULL DEFAULT 0,
  run_8 INTEGER NOT NULL DEFAULT 0,
  run_9 INTEGER NOT NULL DEFAULT 0,
  run_10 INTEGER NOT NULL DEFAULT 0,
  run_11 INTEGER NOT NULL DEFAULT 0,
  run_12 INTEGER NOT NULL DEFAULT 0,
  wait_0 INTEGER NOT NULL DEFAULT 0,
  wait_1 INTEGER NOT NULL DEFAULT 0,
  wait_2 INTEGER NOT NULL DEFAULT 0,
  wait_3 INTEGER NOT NULL DEFAULT 0,
  wait_4 INTEGER NOT NULL DEFAULT 0,
  wait_5 INTEGER NOT NULL DEFAULT 0,
  wait_6 INTEGER NOT NULL DEFAULT 0,
  wait_7 INTEGER NOT NULL DEFAULT 0,
  wait_8 INTEGER NOT NULL DEFAULT 0,
  wait_9 INTEGER NOT NULL DEFAULT 0,
  wait_10 INTEGER NOT NULL DEFAULT 0,
  wait_11 INTEGER NOT NULL DEFAULT 0,
  wait_12 INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, type)
) WITHOUT ROWID;

-- Settings of the installation, which are no tenant's: sealed JSON by name.
CREATE TABLE installation (
  name TEXT NOT NULL PRIMARY KEY,
  sealed TEXT NOT NULL,
  updated INTEGER NOT NULL
) WITHOUT ROWID;
