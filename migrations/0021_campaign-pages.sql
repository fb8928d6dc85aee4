-- A page is noted with its place before its job is enqueued, and its row goes with the page's end: a page without a row has ended,
-- whatever retention removed of its job. One row is written a page more, for a hundred recipients.
ALTER TABLE campaigns ADD COLUMN next_offset INTEGER NOT NULL DEFAULT 0; -- bytes of the list that are cut into pages
ALTER TABLE campaigns ADD COLUMN next_page   INTEGER NOT NULL DEFAULT 0;

ALTER TABLE campaign_pages ADD COLUMN offset INTEGER NOT NULL DEFAULT 0;
ALTER TABLE campaign_pages ADD COLUMN length INTEGER NOT NULL DEFAULT 0; -- bytes; its job is '' until it is enqueued

-- What the provider wrote of a recipient that it refused. It may name a person: it goes with the row.
ALTER TABLE campaign_recipients ADD COLUMN provider_message TEXT;

-- What the tick looks at each minute: a campaign is written to this index twice in its life.
CREATE INDEX campaigns_running ON campaigns (tenant, id) WHERE state = 'running';
