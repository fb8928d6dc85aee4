-- The children of a job, by the time they were accepted. A job without a parent has no entry. A child costs one more written row, when it is
-- accepted: no update changes its entry, and D1 counts no row for an entry that is deleted with its job. Without it the children of a job are
-- found only by reading all jobs of the tenant that were accepted since.
CREATE INDEX jobs_by_parent ON jobs (tenant, parent, slot) WHERE parent IS NOT NULL;

-- Who began the replay: `root` or the id of a token; null: not recorded.
ALTER TABLE replays ADD COLUMN actor TEXT;
-- Jobs a minute, where an operator changed it on the way: 0 as fast as they can; null: as the request has it.
ALTER TABLE replays ADD COLUMN rate INTEGER;
-- Its counts when it was last resumed: the canary and the stop rule count from them. JSON; null: it never was.
ALTER TABLE replays ADD COLUMN resumed TEXT;
