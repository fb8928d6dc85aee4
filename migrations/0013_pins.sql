-- An operator's retry or replay comes after a fix: versioned content (a mail's template) is read as of `pinned`, not as of `at`.
-- Milliseconds; NULL: never retried by an operator.
ALTER TABLE jobs ADD COLUMN pinned INTEGER;

-- 1: a run ended without the answer to a call, or with the Worker, so what it was sending may have arrived: its content and keys stay.
-- Both are written with updates that happen anyway: no row more.
ALTER TABLE jobs ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0;
