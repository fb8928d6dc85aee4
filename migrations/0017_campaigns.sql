-- Campaigns: a template sent to a list. The list itself lies in R2; no row holds an address. Times in milliseconds since 1970.

CREATE TABLE campaigns (
  tenant           TEXT    NOT NULL,
  id               TEXT    NOT NULL, -- in the order of time
  name             TEXT    NOT NULL,
  template         TEXT    NOT NULL,
  variables        TEXT    NOT NULL, -- JSON; of all recipients
  rate             INTEGER,          -- mails a minute; null: as fast as the provider takes them
  send_window      TEXT,             -- JSON; null: at any time
  state            TEXT    NOT NULL, -- draft, running, paused, done, cancelled
  list             TEXT,             -- the object with the recipients; null: none yet, or forgotten
  bytes            INTEGER NOT NULL DEFAULT 0,
  total            INTEGER NOT NULL DEFAULT 0,
  zone             TEXT    NOT NULL DEFAULT 'UTC',
  pinned           INTEGER,          -- as of when the template is read
  template_version INTEGER,
  job              TEXT,             -- that enqueues the pages
  next_at          INTEGER NOT NULL DEFAULT 0, -- with a rate: when the next page may be sent
  sent             INTEGER NOT NULL DEFAULT 0,
  failed           INTEGER NOT NULL DEFAULT 0,
  suppressed       INTEGER NOT NULL DEFAULT 0,
  duplicates       INTEGER NOT NULL DEFAULT 0,
  events           TEXT,             -- JSON; counts of mail events, once the recipients are forgotten
  created          INTEGER NOT NULL,
  updated          INTEGER NOT NULL,
  started          INTEGER,
  ended            INTEGER,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- What the tick looks at: campaigns whose list is still there.
CREATE INDEX campaigns_with_list ON campaigns (updated) WHERE list IS NOT NULL;

-- Pages that are under way: a few hundred of a campaign at most.
CREATE TABLE campaign_pages (
  tenant   TEXT    NOT NULL,
  campaign TEXT    NOT NULL,
  page     INTEGER NOT NULL,
  job      TEXT    NOT NULL,
  count    INTEGER NOT NULL,
  slot     INTEGER, -- with a rate: when it may be sent
  PRIMARY KEY (tenant, campaign, page)
) WITHOUT ROWID;

-- One row for each mailbox of a campaign, by the hash of the address: it is written before the mail is sent, so that none gets it twice.
CREATE TABLE campaign_recipients (
  tenant   TEXT    NOT NULL,
  campaign TEXT    NOT NULL,
  hash     TEXT    NOT NULL,
  page     INTEGER NOT NULL,
  line     INTEGER NOT NULL, -- of the uploaded list
  state    TEXT,             -- failed, suppressed; null otherwise
  reason   TEXT,
  PRIMARY KEY (tenant, campaign, hash)
) WITHOUT ROWID;

-- Those that got no mail, by line. They are few.
CREATE INDEX campaign_recipients_left ON campaign_recipients (tenant, campaign, line) WHERE state IS NOT NULL;
