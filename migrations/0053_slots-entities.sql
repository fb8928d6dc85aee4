-- The place of a job with a derived id among the others, which the table `arrivals` held: that took a written row when the job was accepted and
-- another when it was removed. An entry of this index takes one, when the job is accepted: no update of a job changes its slot, and D1 counts no
-- row for an entry that is deleted with its job. A job with a made id has no entry.
CREATE INDEX jobs_by_slot ON jobs (tenant, slot) WHERE slot IS NOT NULL;

-- The first entity key of a job, likewise. The table `entities` has the further ones.
CREATE INDEX jobs_by_entity ON jobs (tenant, entities->>0) WHERE entities IS NOT NULL;

-- The release before this one runs beside it during a deploy, and may be put back: it reads and writes `arrivals`, and a row of `entities` for each
-- key. So `arrivals` stays, and its rows go with their jobs; a later release drops it. That release before also moves its marks past jobs that have
-- no row in `arrivals`: the walk over the index has marks of its own.
INSERT INTO watermarks (tenant, walk, position)
  SELECT tenant, CASE walk WHEN 'sweep-arrivals' THEN 'sweep-derived' ELSE 'ended-derived' END, position
  FROM watermarks WHERE walk IN ('sweep-arrivals', 'ended-arrivals');
