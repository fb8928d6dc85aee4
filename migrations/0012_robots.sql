-- Robots of a tenant, newest first. Only rows of robots have an entry: a lead costs nothing more.
CREATE INDEX leads_robots_by_time ON leads (tenant, created, id) WHERE kind = 'bot';
