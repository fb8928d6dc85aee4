-- Since when what an alert is about fails, milliseconds: `since` is when the tick opened the alert. Null: of alerts from before, `since` stands for it.
ALTER TABLE alerts ADD COLUMN first_at INTEGER;
