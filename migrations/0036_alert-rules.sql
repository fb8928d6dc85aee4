-- Which findings go where, as a tenant set it. Without a rule of its own a tenant has the built-in one.
CREATE TABLE alert_rules (
  tenant  TEXT    NOT NULL,
  name    TEXT    NOT NULL,
  rule    TEXT    NOT NULL, -- JSON
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
