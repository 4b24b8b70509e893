import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new folder for the test that runs, gone when it is over, after whatever the test closes in `afterEach`. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}
