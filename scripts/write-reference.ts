/** `node scripts/write-reference.ts`: writes the pages below docs/reference that are tables of the code. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { settingsPage } from './reference/settings-page.ts'

const folder = join(import.meta.dirname, '..', 'docs', 'reference')
writeFileSync(join(folder, 'settings.md'), settingsPage())
