-- Campaigns by when they ended: the report looks for those of the last day that failed. Two rows are written more for each campaign, not for each mail.
CREATE INDEX campaigns_ended ON campaigns (tenant, ended) WHERE ended IS NOT NULL;
