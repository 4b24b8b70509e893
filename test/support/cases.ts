import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'

/**
 * Third-party test cases are data that this project reads and does not carry. `SELVAGE_CASES` says where they are;
 * without it, `../shared/cases` beside the checkout.
 */
const root = process.env.SELVAGE_CASES ?? join(import.meta.dirname, '../../../shared/cases')

/** `describe` over one set of cases; without them a skipped suite that says so, loudly. */
export function describeCases(
  set: string,
  title: string,
  suite: (read: (file: string) => unknown) => void,
): void {
  const folder = join(root, set)
  if (existsSync(folder)) {
    describe(title, () => suite(file => JSON.parse(readFileSync(join(folder, file), 'utf8'))))
    return
  }
  const how = 'set SELVAGE_CASES to the folder that holds the third-party cases'
  process.stderr.write(`SKIPPED: ${title}: needs the cases "${set}" (${how})\n`)
  describe.skip(`${title} [skipped: ${how}]`, () => suite(() => []))
}
