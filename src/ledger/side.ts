/*
 * Side rows are deleted by their keys, and only when the job's columns no longer name them. A run that lost its lease, or a tick that read
 * too early, undoes no later change of the job.
 */

/** ?1 [tenant, at, id] of each. */
export const dropDue = `
  DELETE FROM due WHERE (tenant, at, id) IN (SELECT value->>0, value->>1, value->>2 FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = due.tenant AND j.id = due.id AND j.wake = due.at AND j.gate IS NULL AND j.ended IS NULL)`;
/** ?1 [tenant, gate, at, id] of each. Meanwhile the gate may have admitted the job and parked it again at the same place. */
export const dropParked = `
  DELETE FROM parked WHERE (tenant, gate, at, id) IN (SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = parked.tenant AND j.id = parked.id AND j.gate = parked.gate AND j.wake = parked.at AND j.state = 'waiting')`;
