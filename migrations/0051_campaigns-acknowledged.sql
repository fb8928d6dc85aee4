-- How many recipients had failed when an operator acknowledged it, and when (milliseconds): the report leaves the campaign out until twice as many have.
ALTER TABLE campaigns ADD COLUMN acknowledged INTEGER;
ALTER TABLE campaigns ADD COLUMN acknowledged_at INTEGER;
