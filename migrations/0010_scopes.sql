-- Idempotency keys that our own code makes (schedules, webhooks, purchase orders, events, leads) were derived as senders' keys were, so a
-- sender could use one up. They are kept apart now; jobs accepted before this time, or by the deployment before within the hour after,
-- are still found under their former ids. An installation without jobs has none and never looks.
INSERT INTO watermarks (tenant, walk, position)
SELECT '*', 'own-keys', CAST((unixepoch() + 3600) * 1000 AS TEXT) WHERE EXISTS (SELECT 1 FROM jobs LIMIT 1);

-- What exactly was done, where the target alone does not say it: the fields of a patch.
ALTER TABLE audit ADD COLUMN detail TEXT;
