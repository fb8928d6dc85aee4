-- Put before the other scripts. Why a job stays where it is, in one word; nil when it may be taken. `base` is "<prefix>:<queue>:".
local function why(base, id)
  if string.sub(id, 1, 7) == 'repeat:' then return 'schedule' end
  local job = redis.pcall('HMGET', base .. id, 'rjk', 'parentKey', 'opts', 'data', 'deid')
  if job.err or not job[4] then return 'gone' end
  if job[1] then return 'schedule' end
  if job[2] then return 'flow' end
  for _, part in ipairs({ ':dependencies', ':processed', ':failed', ':unsuccessful' }) do
    if redis.call('EXISTS', base .. id .. part) == 1 then return 'flow' end
  end
  local readable, opts = pcall(cjson.decode, job[3] or '{}')
  if not readable or type(opts) ~= 'table' then return 'options' end
  if opts.repeatJobKey or type(opts['repeat']) == 'table' then return 'schedule' end
  if opts.group then return 'group' end
  if job[5] and redis.call('EXISTS', base .. 'dn:' .. job[5]) == 1 then return 'dedup-next' end
  if redis.call('EXISTS', base .. id .. ':lock') == 1 then return 'locked' end
  return nil
end
