-- When a token was used last, milliseconds, to within an hour: written at most once an hour and token, whatever the number of requests.
ALTER TABLE tokens ADD COLUMN used INTEGER;
