-- The W3C trace that the sender of a job named, as `{trace id}-{flags}`. NULL for jobs whose sender named none: their trace id follows from
-- the id, so they pay one byte and no row.
ALTER TABLE jobs ADD COLUMN trace TEXT;
