-- Counters by day, which outlive those by minute: a month is added up from these. A row a day, tenant, type and event; written once an hour.
CREATE TABLE usage_days (
  tenant TEXT    NOT NULL,
  day    TEXT    NOT NULL, -- 2026-11-26, UTC
  type   TEXT    NOT NULL,
  event  TEXT    NOT NULL,
  n      INTEGER NOT NULL,
  ms     INTEGER NOT NULL,
  PRIMARY KEY (tenant, day, type, event)
) WITHOUT ROWID;
