-- How grave the failures were that an operator acknowledged, `warning` or `critical`: the report has the campaign again when they become critical.
-- Null: acknowledged before this column.
ALTER TABLE campaigns ADD COLUMN acknowledged_severity TEXT;
