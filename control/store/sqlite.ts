/**
 * A store in one SQLite file (0600) that survives restarts. It holds the file exclusively: two control planes on
 * one state directory would each believe that they alone renew leases.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { commitRevision, listHistory, readRevision } from './sqlite-revisions.ts'
import { HISTORY_LIMIT, type Store, type StoredRegistration, type StoredToken } from './store.ts'

const SCHEMA_VERSION = 1

const SCHEMA = `
CREATE TABLE revisions (
  mesh TEXT NOT NULL, revision INTEGER NOT NULL, at_ms INTEGER NOT NULL, by TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT NOT NULL, manifest TEXT NOT NULL, addresses TEXT NOT NULL, PRIMARY KEY (mesh, revision)
) STRICT;
-- Each distinct content once, however many revisions hold it; last_revision is null while the newest does.
CREATE TABLE contents (
  mesh TEXT NOT NULL, hash TEXT NOT NULL, content BLOB NOT NULL, last_revision INTEGER, PRIMARY KEY (mesh, hash)
) STRICT;
CREATE TABLE registrations (
  mesh TEXT NOT NULL, workload TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (mesh, workload, id)
) STRICT;
CREATE TABLE tokens (
  mesh TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, expires_at_ms INTEGER, value TEXT NOT NULL,
  PRIMARY KEY (mesh, id)
) STRICT;
PRAGMA user_version = ${SCHEMA_VERSION};
`

/** The file cannot be used; the message says why and what to do. */
export class StoreUnusable extends Error {
  readonly code = 'STORE_UNUSABLE'
}

export interface SqliteStoreOptions {
  readonly path: string
  /** Revisions kept. @default 100 */
  readonly historyLimit?: number
}

/** @throws StoreUnusable when the file cannot be opened, belongs to something else or is in use */
export function sqliteStore(options: SqliteStoreOptions): Store {
  const database = open(options.path)
  const historyLimit = options.historyLimit ?? HISTORY_LIMIT
  const prepare = statements(database)
  const revision = (mesh: string): number => Number(prepare.newest.get(mesh)?.revision ?? 0)

  return {
    revision: async mesh => revision(mesh),
    read: async (mesh, wanted) => readRevision(database, mesh, wanted ?? revision(mesh)),
    commit: async (mesh, next) =>
      transaction(database, () => commitRevision(database, mesh, revision(mesh), next, historyLimit)),
    history: async (mesh, limit) => listHistory(database, mesh, limit),

    registrations: async mesh => values<StoredRegistration>(prepare.registrations.all(mesh)),
    async putRegistration(mesh, registration) {
      const { workload, id } = registration
      prepare.putRegistration.run(mesh, workload, id, JSON.stringify(registration))
    },
    async deleteRegistration(mesh, workload, id) {
      prepare.deleteRegistration.run(mesh, workload, id)
    },

    async putToken(mesh, token) {
      const expiresAtMs = token.kind === 'operator' ? null : token.expiresAtMs
      prepare.putToken.run(mesh, token.id, token.kind, expiresAtMs, JSON.stringify(token))
    },
    async token(mesh, id) {
      const row = prepare.token.get(mesh, id)
      return row === undefined ? undefined : values<StoredToken>([row])[0]
    },
    tokens: async (mesh, kind) => values<StoredToken>(prepare.tokens.all(mesh, kind)),
    takeToken: async (mesh, id) => Number(prepare.takeToken.run(mesh, id).changes) === 1,
    async dropExpiredTokens(mesh, nowMs) {
      prepare.dropExpiredTokens.run(mesh, nowMs)
    },
    async close() {
      if (database.isOpen) database.close()
    },
  }
}

function statements(database: DatabaseSync) {
  return {
    newest: database.prepare('SELECT max(revision) AS revision FROM revisions WHERE mesh = ?'),
    registrations: database.prepare('SELECT value FROM registrations WHERE mesh = ? ORDER BY workload, id'),
    putRegistration: database.prepare('INSERT OR REPLACE INTO registrations VALUES (?, ?, ?, ?)'),
    deleteRegistration: database.prepare(
      'DELETE FROM registrations WHERE mesh = ? AND workload = ? AND id = ?',
    ),
    putToken: database.prepare('INSERT OR REPLACE INTO tokens VALUES (?, ?, ?, ?, ?)'),
    token: database.prepare('SELECT value FROM tokens WHERE mesh = ? AND id = ?'),
    tokens: database.prepare('SELECT value FROM tokens WHERE mesh = ? AND kind = ? ORDER BY id'),
    takeToken: database.prepare('DELETE FROM tokens WHERE mesh = ? AND id = ?'),
    dropExpiredTokens: database.prepare('DELETE FROM tokens WHERE mesh = ? AND expires_at_ms <= ?'),
  }
}

/** Rows that hold JSON which this file wrote. */
const values = <T>(rows: readonly Record<string, SQLOutputValue>[]): T[] =>
  rows.map(row => JSON.parse(String(row.value)) as T)

function transaction<T>(database: DatabaseSync, run: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = run()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // A full disk ends the transaction by itself, and a failing ROLLBACK would hide why.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function open(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    // SQLite would create it with the mode of the umask; its journal files take the mode of the file.
    closeSync(openSync(path, 'a', 0o600))
    const database = new DatabaseSync(path)
    // FULL: a commit that was answered is on disk.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    migrate(database)
    checkWhole(database)
    return database
  } catch (error) {
    throw new StoreUnusable(`cannot use the store ${path}: ${reasonOf(error)}`, { cause: error })
  }
}

function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version > SCHEMA_VERSION) {
    throw new Error(`it was written by a newer version (format ${version}; this one knows ${SCHEMA_VERSION})`)
  }
  if (version === 0) create(database)
  // Takes the exclusive lock now, so that a second control plane fails at its start.
  else transaction(database, () => database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`))
}

function create(database: DatabaseSync): void {
  const tables = Number(database.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.count)
  if (tables > 0) throw new Error('it is the database of something else')
  transaction(database, () => database.exec(SCHEMA))
}

/** Damage found now is one sentence; found later it would be a mesh that answers some requests and not others. */
function checkWhole(database: DatabaseSync): void {
  const found = database.prepare('PRAGMA quick_check(1)').get()?.quick_check
  if (found !== 'ok')
    throw new Error(
      `it is damaged (${String(found).replaceAll('\n', ' ')}); restore a copy, or begin with an empty directory`,
    )
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (/locked|busy/i.test(message)) return 'another control plane is using it'
  if (/not a database/i.test(message)) return 'it is not a SQLite file'
  if (/malformed/i.test(message)) return 'it is damaged; restore a copy, or begin with an empty directory'
  return message
}
