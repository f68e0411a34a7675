-- wrk's script: posts the bodies of a file in turn, and prints what wrk has measured as one JSON line.
-- Environment: BENCH_BODIES, a file with one JSON body per line; BENCH_API_KEY; BENCH_IDEMPOTENCY=1 sends a fresh
-- Idempotency-Key with each request.

local requests = {}
local turn, sent = 0, 0
local fresh_keys = os.getenv("BENCH_IDEMPOTENCY") == "1"
local run = string.format("%x", os.time()) .. string.sub(tostring({}), -8)

function init(_)
   local headers = {
      ["Content-Type"] = "application/json",
      ["Authorization"] = "Bearer " .. os.getenv("BENCH_API_KEY"),
   }
   for body in io.lines(os.getenv("BENCH_BODIES")) do
      requests[#requests + 1] = wrk.format("POST", wrk.path, headers, body)
   end
end

function request()
   turn = turn % #requests + 1
   if not fresh_keys then
      return requests[turn]
   end
   sent = sent + 1
   local key = "\r\nIdempotency-Key: " .. run .. "-" .. sent .. "\r\n\r\n"
   return (requests[turn]:gsub("\r\n\r\n", key, 1))
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"refused":%d,"broken":%d,"timed_out":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
      errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
