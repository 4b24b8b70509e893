import { describe, expect, it } from 'vitest'
import { byteSizeSchema, parseByteSize } from '../../mesh/byte-size.ts'
import { durationSchema, formatDuration, offableDurationSchema, parseDuration } from '../../mesh/duration.ts'

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['5s', 5000],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['1h30m', 5_400_000],
    ['1m1s1ms', 61_001],
    ['0s', 0],
  ])('reads %s as %d ms', (text, expected) => {
    expect(parseDuration(text)).toBe(expected)
  })

  it.each(['', '5', 's', '5S', '1.5s', '-1s', '5 s', '1d', '100000s', '1s1s1s1s1s', '99999h', '5µs'])(
    'refuses %j',
    text => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  it('takes nothing for a duration only where it may be switched off', () => {
    expect(durationSchema.safeParse('0s').success).toBe(false)
    for (const off of ['0s', '0ms', 0, false]) expect(offableDurationSchema.safeParse(off).success).toBe(true)
    for (const wrong of [true, 1, '', 'never'])
      expect(offableDurationSchema.safeParse(wrong).success).toBe(false)
  })

  it.each([
    [250, '250ms'],
    [90_000, '90s'],
    [3_600_000, '1h'],
    [0, '0ms'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('sizes', () => {
  it.each([
    [1, 1],
    ['1B', 1],
    ['64KiB', 65_536],
    ['2MiB', 2_097_152],
  ])('reads %j as %d bytes', (size, expected) => {
    expect(parseByteSize(size)).toBe(expected)
  })

  it.each([-1, 1.5, '64', '64kb', '64 KiB', 'KiB', '2MiB', 1_048_577])('refuses %j up to 1 MiB', size => {
    expect(byteSizeSchema(1_048_576).safeParse(size).success).toBe(false)
  })
})
