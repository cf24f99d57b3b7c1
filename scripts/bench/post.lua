-- For wrk: posts pictures in turn, and says at the end, as JSON, how often each status came.
--   wrk -s post.lua URL -- FILE...
local threads, bodies, place, statuses = {}, {}, 0, {}

function setup(thread)
  table.insert(threads, thread)
end

function init(files)
  for _, name in ipairs(files) do
    local file = assert(io.open(name, "rb"))
    local content = file:read("*a")
    file:close()
    table.insert(bodies, wrk.format("POST", nil, { ["Content-Type"] = "image/jpeg" }, content))
  end
  counted = ""
end

function request()
  place = place % #bodies + 1
  return bodies[place]
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
  local list = {}
  for code, count in pairs(statuses) do
    table.insert(list, string.format('"%d":%d', code, count))
  end
  counted = table.concat(list, ",")
end

function done(summary, latency)
  local counts = {}
  for _, thread in ipairs(threads) do
    table.insert(counts, "{" .. thread:get("counted") .. "}")
  end
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format('JSON {"seconds":%f,"requests":%d,"p50":%f,"p99":%f,"broken":%d,"statuses":[%s]}',
    summary.duration / 1e6, summary.requests, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    broken, table.concat(counts, ",")))
end
