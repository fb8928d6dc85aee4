-- Leads: who asked, and each time they did. Times in milliseconds since 1970.

-- `settings` is JSON without secrets; `turnstile` and `crm` are sealed. Of the API key there is only its hash.
CREATE TABLE projects (
  tenant    TEXT NOT NULL,
  project   TEXT NOT NULL,
  settings  TEXT NOT NULL,
  site_key  TEXT NOT NULL,
  form_id   TEXT NOT NULL,
  api_key   TEXT NOT NULL,
  turnstile TEXT,
  crm       TEXT,
  created   INTEGER NOT NULL,
  updated   INTEGER NOT NULL,
  PRIMARY KEY (tenant, project)
) WITHOUT ROWID;

-- Only projects that watch for silence.
CREATE INDEX projects_watching ON projects (tenant, project) WHERE settings ->> '$.silence' IS NOT NULL;

-- One row a person and project: what their submissions say together, the newest first.
CREATE TABLE leads (
  tenant      TEXT NOT NULL,
  id          TEXT NOT NULL,
  project     TEXT NOT NULL,
  kind        TEXT NOT NULL,
  name        TEXT,
  email       TEXT,
  phone       TEXT,
  visitor     TEXT,
  score       INTEGER NOT NULL,
  label       TEXT NOT NULL,
  suspicion   INTEGER NOT NULL,
  reasons     TEXT NOT NULL,
  submissions INTEGER NOT NULL,
  crm_id      TEXT,
  engaged     INTEGER NOT NULL,
  created     INTEGER NOT NULL,
  updated     INTEGER NOT NULL,
  newest      TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE INDEX leads_by_time ON leads (tenant, created, id);
CREATE INDEX leads_by_project ON leads (tenant, project, created, id);
CREATE INDEX leads_of_bots ON leads (updated) WHERE kind = 'bot';
CREATE INDEX leads_by_crm ON leads (tenant, crm_id) WHERE crm_id IS NOT NULL;

-- Which leads gave a visitor id (`v:`), e-mail (`e:`), telephone (`p:`) or network address (`i:`); the first of a project owns it.
CREATE TABLE lead_identities (
  tenant  TEXT NOT NULL,
  key     TEXT NOT NULL,
  project TEXT NOT NULL,
  kind    TEXT NOT NULL,
  at      INTEGER NOT NULL,
  lead    TEXT NOT NULL,
  PRIMARY KEY (tenant, key, project, kind, lead)
) WITHOUT ROWID;

CREATE INDEX lead_identities_by_lead ON lead_identities (tenant, lead);
-- A telephone number is found by the digits it ends with, however it was dialled.
CREATE INDEX lead_identities_by_end ON lead_identities (tenant, substr(ltrim(substr(key, 3), '+'), -9)) WHERE substr(key, 1, 2) = 'p:';

-- Every submission, whole, under the id of the job that brought it. `applied`: the lead shows it. `follow`: what it was to the lead. `crm_id`: the CRM's record of it.
CREATE TABLE lead_submissions (
  tenant    TEXT NOT NULL,
  id        TEXT NOT NULL,
  lead      TEXT NOT NULL,
  project   TEXT NOT NULL,
  at        INTEGER NOT NULL,
  follow    TEXT NOT NULL,
  earlier   INTEGER NOT NULL,
  suspicion INTEGER NOT NULL,
  reasons   TEXT NOT NULL,
  applied   INTEGER NOT NULL DEFAULT 0,
  crm_id    TEXT,
  data      TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE INDEX lead_submissions_by_crm ON lead_submissions (tenant, crm_id) WHERE crm_id IS NOT NULL;
CREATE INDEX lead_submissions_by_lead ON lead_submissions (tenant, lead, at, id);

-- What the CRM reported of a lead.
CREATE TABLE lead_activity (
  tenant TEXT NOT NULL,
  lead   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  id     TEXT NOT NULL,
  type   TEXT NOT NULL,
  body   TEXT NOT NULL,
  PRIMARY KEY (tenant, lead, at, id)
) WITHOUT ROWID;

-- Every id under which the CRM ever reported a lead.
CREATE INDEX lead_activity_by_crm ON lead_activity (tenant, body ->> '$.crm_lead_id');

-- When a project last had a lead, and when its silence was last reported. `since`: nothing before it counts as silence.
CREATE TABLE lead_silence (
  tenant  TEXT NOT NULL,
  project TEXT NOT NULL,
  last    INTEGER,
  since   INTEGER NOT NULL,
  alerted INTEGER,
  PRIMARY KEY (tenant, project)
) WITHOUT ROWID;

-- Keys that blocked senders used, in marks that nobody can read: their second use looks as everybody's does.
CREATE TABLE lead_blocked (
  tenant  TEXT NOT NULL,
  id      TEXT NOT NULL,
  content TEXT NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

CREATE INDEX lead_blocked_by_time ON lead_blocked (tenant, at);
