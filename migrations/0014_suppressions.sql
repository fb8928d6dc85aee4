-- Who gets no mail, what providers report of mails that were sent, and what sending needs to remember. Times in milliseconds since 1970.

-- An address is found by its hash (HMAC), which outlives the erasure of a person, so that nothing is sent to them again.
CREATE TABLE suppressions (
  tenant  TEXT    NOT NULL,
  hash    TEXT    NOT NULL,
  scope   TEXT    NOT NULL, -- all, bulk
  reason  TEXT    NOT NULL,
  address TEXT,             -- null once the person was erased
  since   INTEGER NOT NULL,
  PRIMARY KEY (tenant, hash, scope)
) WITHOUT ROWID;

-- The list shows the newest first. Suppressions are rare, so the second row costs little.
CREATE INDEX suppressions_by_since ON suppressions (tenant, since, hash, scope);

-- Which job sent a mail, by the provider's id: events name nothing else. Rows are in the order of time, so that retention needs no index.
CREATE TABLE mails (
  tenant     TEXT    NOT NULL,
  provider   TEXT    NOT NULL,
  message_id TEXT    NOT NULL,
  job        TEXT    NOT NULL,
  campaign   TEXT,
  at         INTEGER NOT NULL,
  UNIQUE (tenant, provider, message_id)
);

-- Events of Cloudflare come for all tenants through one queue and name none; these ids are the platform's own.
CREATE INDEX mails_of_cloudflare ON mails (message_id) WHERE provider = 'cloudflare';

-- What became of a mail. No address and no subject: the hash, and for 30 days what the receiving server answered, masked.
CREATE TABLE mail_events (
  tenant     TEXT    NOT NULL,
  id         TEXT    NOT NULL, -- of the provider, and of the recipient where one event names several
  provider   TEXT    NOT NULL,
  message_id TEXT,
  kind       TEXT    NOT NULL, -- delivered, deferred, bounced, rejected, complained, unsubscribed
  class      TEXT,             -- hard, soft, …
  hash       TEXT    NOT NULL,
  detail     TEXT,
  job        TEXT,
  campaign   TEXT,
  open       INTEGER NOT NULL, -- 1: its mail is not known yet and looked for
  at         INTEGER NOT NULL,
  UNIQUE (tenant, id)
);

CREATE INDEX mail_events_by_job ON mail_events (tenant, job) WHERE job IS NOT NULL;
CREATE INDEX mail_events_by_campaign ON mail_events (tenant, campaign, kind, hash) WHERE campaign IS NOT NULL;
CREATE INDEX mail_events_by_hash ON mail_events (tenant, hash);
CREATE INDEX mail_events_open ON mail_events (at) WHERE open = 1;

-- A connection with a fallback: the provider that may have a mail, so that no other is asked.
CREATE TABLE mail_attempts (
  tenant   TEXT    NOT NULL,
  key      TEXT    NOT NULL, -- the idempotency key
  provider TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  UNIQUE (tenant, key)
);

-- JSON by provider: {"resend": {"reason", "since"}}. Setting the connection clears it.
ALTER TABLE connections ADD COLUMN paused TEXT;
