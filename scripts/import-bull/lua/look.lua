-- Reads jobs, as many as 4 MB of data allow, one at least. KEYS[1] any key of the queue; ARGV base, id... Answers [why, name, data, opts, timestamp, attempts, dedup id, sha1 of data, started, failed reason] for each.
local base, found, bytes = ARGV[1], {}, 0
for i = 2, #ARGV do
  if bytes > 4194304 then break end
  local id = ARGV[i]
  local reason = why(base, id) or ''
  local job = reason == 'gone' and {} or redis.call('HMGET', base .. id, 'name', 'data', 'opts', 'timestamp', 'atm', 'attemptsMade', 'deid', 'processedOn', 'failedReason')
  local data = job[2] or ''
  bytes = bytes + #data
  found[#found + 1] = {
    reason, job[1] or '', data, job[3] or '', job[4] or '', job[5] or job[6] or '', job[7] or '', redis.sha1hex(data), job[8] or '', job[9] or '',
  }
end
return found
