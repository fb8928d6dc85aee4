-- The life of a job by its runs. Nothing here is a row of its own for a job that is done on its first try: the columns of jobs are set by
-- updates that happen anyway. A wait that repeats raises the count of its row in the timeline instead of adding one.

-- When the newest run started; `started` stays the first. Milliseconds.
ALTER TABLE jobs ADD COLUMN begun INTEGER;
-- How many checkpoints were saved, and when the newest was. Milliseconds.
ALTER TABLE jobs ADD COLUMN checkpoints INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN checkpointed INTEGER;

-- How long the run took that led to the event, or all of the runs that are folded into it; null: none did. Milliseconds.
ALTER TABLE history ADD COLUMN ms INTEGER;
-- How often it happened in a row, and when for the last time; null: once.
ALTER TABLE history ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE history ADD COLUMN last_at INTEGER;
