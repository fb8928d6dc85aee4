-- Dead letters that a stopped replay could still send when they were last counted, and when that was (milliseconds). Lists show this number: to count
-- it anew costs up to 4,000 rows read of each replay. Null: not counted since it stopped.
ALTER TABLE replays ADD COLUMN rest INTEGER;
ALTER TABLE replays ADD COLUMN rest_at INTEGER;
