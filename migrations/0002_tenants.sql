-- Who may do what, and with whose credentials. Times in milliseconds since 1970.

CREATE TABLE tenants (
  tenant TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  timezone TEXT NOT NULL,
  settings TEXT NOT NULL,
  -- Raised by every change that the snapshot in KV must show; `published` is the version last written there.
  version INTEGER NOT NULL DEFAULT 1,
  published INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
) WITHOUT ROWID;

-- Only tenants whose snapshot is behind: normally empty.
CREATE INDEX tenants_unpublished ON tenants (tenant) WHERE published <> version;

-- A token proves itself; nothing here could be used as one.
CREATE TABLE tokens (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created INTEGER NOT NULL,
  revoked INTEGER,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- `key` and `webhook_secret` are sealed; `webhook` is the rest of its settings as JSON.
CREATE TABLE sites (
  tenant TEXT NOT NULL,
  site TEXT NOT NULL,
  platform TEXT NOT NULL,
  url TEXT NOT NULL,
  key TEXT NOT NULL,
  webhook TEXT,
  webhook_secret TEXT,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY (tenant, site)
) WITHOUT ROWID;

-- `settings` is JSON without secrets; `credentials` is sealed JSON.
CREATE TABLE connections (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  provider TEXT NOT NULL,
  settings TEXT NOT NULL,
  credentials TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
