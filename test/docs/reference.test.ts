import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { settingsPage } from '../../scripts/reference/settings-page.ts'

it('docs/reference/settings.md is what write-reference writes', () => {
  const page = join(import.meta.dirname, '../../docs/reference/settings.md')
  expect(readFileSync(page, 'utf8')).toBe(settingsPage())
})
