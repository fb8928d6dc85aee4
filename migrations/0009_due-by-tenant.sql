-- Side rows of what the tick must look at, keyed by tenant first: a round takes one page of each tenant,
-- so that the many due jobs of one tenant do not stand before another's few. Names and number of columns
-- stay, and no index is added: a job that waits writes as many rows as before.
CREATE TABLE due_by_tenant (
  tenant TEXT NOT NULL,
  at     INTEGER NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (tenant, at, id)
) WITHOUT ROWID;

INSERT INTO due_by_tenant (tenant, at, id) SELECT tenant, at, id FROM due;

DROP TABLE due;

ALTER TABLE due_by_tenant RENAME TO due;
