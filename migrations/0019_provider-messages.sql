-- The sentence of an outside system that goes with `reason`: it may name persons, so it is shown to an admin alone.
-- Written with the update that records the outcome: no row more.
ALTER TABLE jobs ADD COLUMN provider_message TEXT;
