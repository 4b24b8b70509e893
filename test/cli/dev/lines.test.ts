import { expect, it } from 'vitest'
import { lineSplitter } from '../../../cli/dev/lines.ts'

function split(...pieces: string[]): string[] {
  const lines: string[] = []
  const splitter = lineSplitter(line => lines.push(line))
  for (const piece of pieces) splitter.push(piece)
  splitter.flush()
  return lines
}

it('gives whole lines however the text is cut', () => {
  expect(split('a\nb', 'c\r', '\nd')).toEqual(['a', 'bc', 'd'])
})

it('cuts a line without end, so that memory stays bounded', () => {
  const lines = split(...Array(10).fill('x'.repeat(32 * 1024)))
  expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(64 * 1024)
  expect(lines.join('')).toHaveLength(320 * 1024)
})
