/** Revisions in SQLite: a manifest each, and every distinct fragment content once. */
import type { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { checkCommit, type MeshRevision, type RevisionSummary, type StoredFragment } from './store.ts'

const manifestSchema = z.record(
  z.string(),
  z.object({ owner: z.string(), revision: z.int(), updatedAtMs: z.number(), contentHash: z.string() }),
)
const addressesSchema = z.record(z.string(), z.string())
const summarySchema = z
  .object({
    revision: z.int(),
    at_ms: z.number(),
    by: z.string(),
    action: z.enum(['put', 'delete', 'restore']),
    subject: z.string(),
  })
  .transform(({ at_ms, ...rest }): RevisionSummary => ({ ...rest, atMs: at_ms }))

export function readRevision(
  database: DatabaseSync,
  mesh: string,
  revision: number,
): MeshRevision | undefined {
  const row = database.prepare('SELECT * FROM revisions WHERE mesh = ? AND revision = ?').get(mesh, revision)
  if (row === undefined) return undefined
  const content = database.prepare('SELECT content FROM contents WHERE mesh = ? AND hash = ?')
  const fragments = new Map<string, StoredFragment>()
  const manifest = manifestSchema.parse(JSON.parse(String(row.manifest)))
  for (const [name, entry] of Object.entries(manifest)) {
    const bytes = content.get(mesh, entry.contentHash)?.content
    if (!(bytes instanceof Uint8Array)) {
      throw new Error(`the store has lost the content of fragment "${name}" at revision ${revision}`)
    }
    fragments.set(name, { ...entry, content: bytes })
  }
  const addresses = addressesSchema.parse(JSON.parse(String(row.addresses)))
  return { ...summarySchema.parse(row), fragments, addresses: new Map(Object.entries(addresses)) }
}

export function listHistory(database: DatabaseSync, mesh: string, limit: number): RevisionSummary[] {
  return database
    .prepare(
      'SELECT revision, at_ms, by, action, subject FROM revisions WHERE mesh = ? ORDER BY revision DESC LIMIT ?',
    )
    .all(mesh, limit)
    .map(row => summarySchema.parse(row))
}

/** Within a transaction. `current` is the newest revision now, 0 for none. */
export function commitRevision(
  database: DatabaseSync,
  mesh: string,
  current: number,
  next: MeshRevision,
  historyLimit: number,
): void {
  checkCommit(next, current)
  const before = hashesAt(database, mesh, current)
  const after = new Map(
    [...next.fragments.values()].map(fragment => [fragment.contentHash, fragment.content]),
  )
  insertRevision(database, mesh, next)

  const keep = database.prepare(
    'INSERT INTO contents VALUES (?, ?, ?, NULL) ON CONFLICT (mesh, hash) DO UPDATE SET last_revision = NULL',
  )
  for (const [hash, content] of after) if (!before.has(hash)) keep.run(mesh, hash, content)
  const retire = database.prepare('UPDATE contents SET last_revision = ? WHERE mesh = ? AND hash = ?')
  for (const hash of before) if (!after.has(hash)) retire.run(current, mesh, hash)

  const oldest = next.revision - historyLimit + 1
  database.prepare('DELETE FROM revisions WHERE mesh = ? AND revision < ?').run(mesh, oldest)
  database.prepare('DELETE FROM contents WHERE mesh = ? AND last_revision < ?').run(mesh, oldest)
}

function insertRevision(database: DatabaseSync, mesh: string, next: MeshRevision): void {
  const manifest = Object.fromEntries(
    [...next.fragments].map(([name, { content: _, ...entry }]) => [name, entry] as const),
  )
  database
    .prepare('INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      mesh,
      next.revision,
      next.atMs,
      next.by,
      next.action,
      next.subject,
      JSON.stringify(manifest),
      JSON.stringify(Object.fromEntries(next.addresses)),
    )
}

function hashesAt(database: DatabaseSync, mesh: string, revision: number): Set<string> {
  const row = database
    .prepare('SELECT manifest FROM revisions WHERE mesh = ? AND revision = ?')
    .get(mesh, revision)
  if (row === undefined) return new Set()
  const manifest = manifestSchema.parse(JSON.parse(String(row.manifest)))
  return new Set(Object.values(manifest).map(entry => entry.contentHash))
}
