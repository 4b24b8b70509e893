import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { EXIT_CODES } from '../../cli/exit-code.ts'

it('documents every exit code, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/exit-codes.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, code, name]) => [name, Number(code)])
  expect(Object.fromEntries(rows)).toEqual(EXIT_CODES)
})
