-- When R2 took the version that a row describes, in milliseconds: a job that is late with an older version does not overwrite a newer one,
-- and what removes a picture leaves one that was put meanwhile.
ALTER TABLE media ADD COLUMN uploaded INTEGER NOT NULL DEFAULT 0;
