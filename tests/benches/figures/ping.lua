-- Asks for the paths of a file, in turns, each thread from a place of its own; prints one line of
-- figures. The file is named by the variable PATHS.

local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init()
    requests = {}
    for path in io.lines(os.getenv("PATHS")) do
        requests[#requests + 1] = wrk.format("GET", path)
    end
    -- Threads must not all ask for the same at the same time.
    at = number * 7919 % #requests
end

function request()
    at = at % #requests + 1
    return requests[at]
end

function done(summary, latency)
    local errors = summary.errors
    local lost = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    print(string.format("figures %d %d %d %d %d", summary.requests, summary.duration, lost,
        latency:percentile(50), latency:percentile(99)))
end
