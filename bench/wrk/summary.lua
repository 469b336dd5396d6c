-- The last line that wrk prints: what the harness reads.
function done(summary, latency, requests)
   local errors = summary.errors
   print(string.format(
      '{"requests":%d,"bytes":%d,"microseconds":%d,"p50_us":%d,"p99_us":%d,' ..
      '"connect_errors":%d,"read_errors":%d,"write_errors":%d,"timeouts":%d,"bad_statuses":%d}',
      summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99),
      errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
