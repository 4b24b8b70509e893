import { expect, test } from 'vitest'
import { parseWrkOutput } from '../../bench/load/wrk.ts'

const clean = `Running 3s test @ http://127.0.0.1:18080/route-50/charges
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.27ms  371.52us   9.81ms   88.14%
    Req/Sec    50.21k     2.10k   53.44k    76.67%
  Latency Distribution
     50%    1.21ms
     75%  985.00us
     90%    1.60ms
     99%    2.73ms
  149873 requests in 3.00s, 175.52MB read
Requests/sec:  49944.51
Transfer/sec:     58.49MB
`

test('reads requests, run time and percentiles of a clean run', () => {
  expect(parseWrkOutput(clean)).toEqual({ requests: 149873, seconds: 3, p50Ms: 1.21, p99Ms: 2.73, errors: 0 })
})

test('reads microseconds, seconds and minutes as milliseconds', () => {
  const mixed = clean.replace('50%    1.21ms', '50%  614.00us').replace('99%    2.73ms', '99%    1.50s')
  expect(parseWrkOutput(mixed)).toMatchObject({ p50Ms: 0.614, p99Ms: 1500 })
  expect(parseWrkOutput(clean.replace('in 3.00s', 'in 1.50m')).seconds).toBe(90)
})

test('adds up socket errors of every kind and bad answers', () => {
  const dirty = clean.replace(
    'Requests/sec',
    '  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\nRequests/sec',
  )
  expect(parseWrkOutput(dirty).errors).toBe(54_321)
})

test('says what is missing when the output is something else', () => {
  expect(() => parseWrkOutput('unable to connect to 127.0.0.1:1 Connection refused')).toThrow(
    /no number of requests.*unable to connect/s,
  )
})
