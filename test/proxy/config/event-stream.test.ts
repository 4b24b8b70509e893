import { expect, test } from 'vitest'
import { EventStreamParser, type ServerSentEvent } from '../../../proxy/config/event-stream.ts'

const STREAM =
  ': comment\r\n\r\nevent: hint\ndata: {"a":1}\n\ndata: one\ndata:two\n\nid: 7\nretry: 1\n\nevent: x\r\ndata\r\n\r\n'

const parse = (chunks: readonly string[]) => {
  const events: ServerSentEvent[] = []
  const parser = new EventStreamParser(event => events.push(event))
  for (const chunk of chunks) parser.push(chunk)
  return events
}

test('EventStreamParser gives the same events however the stream is cut', () => {
  const whole = parse([STREAM])
  expect(whole).toEqual([
    { event: 'hint', data: '{"a":1}' },
    { event: 'message', data: 'one\ntwo' },
    { event: 'x', data: '' },
  ])
  expect(parse([...STREAM])).toEqual(whole)
  for (let at = 1; at < STREAM.length; at++) {
    expect(parse([STREAM.slice(0, at), STREAM.slice(at)])).toEqual(whole)
  }
})

test('EventStreamParser does not hold an event without end', () => {
  const parser = new EventStreamParser(() => {})
  expect(() => {
    for (let i = 0; i < 20; i++) parser.push('x'.repeat(100_000))
  }).toThrow('an event is longer than')
})
