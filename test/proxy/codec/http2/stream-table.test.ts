import { expect, it } from 'vitest'
import type { Stream } from '../../../../proxy/codec/http2/stream.ts'
import { StreamTable } from '../../../../proxy/codec/http2/stream-table.ts'

const stream = (id: number): Stream => ({ id, nextInBucket: undefined }) as Stream

/** These meet in one bucket. */
const MEETING = [1, 257, 513, 769]

it('finds each stream by its number, also those that share a bucket', () => {
  const table = new StreamTable()
  const streams = [...MEETING, 3, 5].map(stream)
  for (const each of streams) table.add(each)
  expect(streams.map(({ id }) => table.get(id))).toEqual(streams)
  expect([table.size, table.get(1025), table.get(7)]).toEqual([6, undefined, undefined])
})

it.each(MEETING)('finds the others when stream %i is gone, and holds nothing of it', gone => {
  const table = new StreamTable()
  const streams = MEETING.map(stream)
  for (const each of streams) table.add(each)
  const it = table.get(gone)!
  table.delete(it)
  table.delete(it)
  expect(it.nextInBucket).toBeUndefined()
  expect(table.size).toBe(3)
  expect(MEETING.filter(id => table.get(id) !== undefined)).toEqual(MEETING.filter(id => id !== gone))
})

it('lists all in the order of their numbers, whatever happens to them meanwhile', () => {
  const table = new StreamTable()
  for (const id of [9, 1, 257, 3]) table.add(stream(id))
  const seen: number[] = []
  for (const each of table.values()) {
    seen.push(each.id)
    table.delete(each)
  }
  expect(seen).toEqual([1, 3, 9, 257])
  expect(table.size).toBe(0)
})
