-- Uploaded pictures, what was made of them, and whom they are about. Times in milliseconds since 1970.

-- One row an original. `etag` is the version that the row describes; `alt_etag` the one that a model's text describes.
CREATE TABLE media (
  tenant         TEXT NOT NULL,
  key            TEXT NOT NULL,
  etag           TEXT NOT NULL,
  size           INTEGER NOT NULL,
  format         TEXT,
  width          INTEGER,
  height         INTEGER,
  issue          TEXT,
  alt_text       TEXT,
  alt_source     TEXT,
  alt_model      TEXT,
  alt_confidence REAL,
  alt_language   TEXT,
  alt_etag       TEXT,
  created        INTEGER NOT NULL,
  updated        INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) WITHOUT ROWID;

-- `name` says the options; `box_…` what was asked for, `width` and `height` what it became.
CREATE TABLE media_variants (
  tenant     TEXT NOT NULL,
  key        TEXT NOT NULL,
  etag       TEXT NOT NULL,
  name       TEXT NOT NULL,
  object     TEXT NOT NULL,
  format     TEXT NOT NULL,
  box_width  INTEGER NOT NULL,
  box_height INTEGER NOT NULL,
  width      INTEGER NOT NULL,
  height     INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  sha256     TEXT NOT NULL,
  created    INTEGER NOT NULL,
  PRIMARY KEY (tenant, key, etag, name)
) WITHOUT ROWID;

-- What a picture is about, so that erasing a person finds it.
CREATE TABLE media_entities (
  tenant TEXT NOT NULL,
  entity TEXT NOT NULL,
  key    TEXT NOT NULL,
  PRIMARY KEY (tenant, entity, key)
) WITHOUT ROWID;

CREATE INDEX media_entities_by_key ON media_entities (tenant, key);
