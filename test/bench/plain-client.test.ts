import { expect, test } from 'vitest'
import { answerReader, percentile } from '../../bench/load/plain-client.ts'

const answers = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
    'HTTP/1.1 503 Service Unavailable\r\ncontent-length:0\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\n\r\n',
)

test('finds the same answers however the bytes are cut', () => {
  for (let size = 1; size <= answers.length; size += 1) {
    const found: number[] = []
    const read = answerReader(status => found.push(status))
    for (let at = 0; at < answers.length; at += size) read(answers.subarray(at, at + size))
    expect(found).toEqual([200, 503, 204])
  }
})

test('takes percentiles from sorted values', () => {
  const sorted = Array.from({ length: 100 }, (_, index) => index)
  expect([percentile(sorted, 0.5), percentile(sorted, 0.99), percentile([], 0.5)]).toEqual([50, 99, 0])
})
