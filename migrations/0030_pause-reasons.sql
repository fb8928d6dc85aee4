-- Who paused a queue, type or tenant, and why.
ALTER TABLE pauses ADD COLUMN actor TEXT;
ALTER TABLE pauses ADD COLUMN reason TEXT;
