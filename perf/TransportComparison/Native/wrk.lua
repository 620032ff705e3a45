-- wrk -s wrk.lua <url> -- <method> <body length> <requests in flight per connection>
-- Its last line is for the harness: requests, microseconds, five kinds of errors, p50, p99 and p99.9 in microseconds.

init = function(args)
  local method, length, depth = args[1], tonumber(args[2]), tonumber(args[3])
  wrk.method = method
  if length > 0 then wrk.body = string.rep("x", length) end
  if depth > 1 then
    local batch = string.rep(wrk.format(), depth)
    request = function() return batch end
  end
end

done = function(summary, latency)
  local e = summary.errors
  io.stdout:write(string.format("\n@wrk %d %d %d %d %d %d %d %d %d %d\n",
    summary.requests, summary.duration, e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
