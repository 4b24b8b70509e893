import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Version of this package, from its own package.json. */
export function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8'))
  return String((manifest as { version: unknown }).version)
}
