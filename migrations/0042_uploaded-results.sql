-- Where the result lies that a worker outside uploaded because it is too large for the row; jobs.settled says whether the job ended with it.
-- Null for all other jobs, which costs them nothing.
ALTER TABLE jobs ADD COLUMN result_ref TEXT;
