/** A store that ends with the process: for tests, and for a control plane without a state directory. */
import {
  checkCommit,
  HISTORY_LIMIT,
  type MeshRevision,
  type Store,
  type StoredRegistration,
  type StoredToken,
} from './store.ts'

interface MeshState {
  /** Oldest first. */
  readonly revisions: MeshRevision[]
  readonly registrations: Map<string, StoredRegistration>
  readonly tokens: Map<string, StoredToken>
}

export interface MemoryStoreOptions {
  /** Revisions kept. @default 100 */
  readonly historyLimit?: number
}

const registrationKey = (workload: string, id: string): string => JSON.stringify([workload, id])

export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const historyLimit = options.historyLimit ?? HISTORY_LIMIT
  const meshes = new Map<string, MeshState>()

  const stateOf = (mesh: string): MeshState => {
    const known = meshes.get(mesh)
    if (known !== undefined) return known
    const created: MeshState = { revisions: [], registrations: new Map(), tokens: new Map() }
    meshes.set(mesh, created)
    return created
  }
  const newest = (mesh: string): MeshRevision | undefined => stateOf(mesh).revisions.at(-1)

  return {
    revision: async mesh => newest(mesh)?.revision ?? 0,
    read: async (mesh, revision) =>
      revision === undefined
        ? newest(mesh)
        : stateOf(mesh).revisions.find(candidate => candidate.revision === revision),
    async commit(mesh, next) {
      checkCommit(next, newest(mesh)?.revision ?? 0)
      const { revisions } = stateOf(mesh)
      revisions.push({ ...next, fragments: new Map(next.fragments), addresses: new Map(next.addresses) })
      if (revisions.length > historyLimit) revisions.shift()
    },
    history: async (mesh, limit) =>
      stateOf(mesh)
        .revisions.slice(-limit)
        .reverse()
        .map(({ revision, atMs, by, action, subject }) => ({ revision, atMs, by, action, subject })),

    registrations: async mesh => [...stateOf(mesh).registrations.values()],
    async putRegistration(mesh, registration) {
      stateOf(mesh).registrations.set(registrationKey(registration.workload, registration.id), registration)
    },
    async deleteRegistration(mesh, workload, id) {
      stateOf(mesh).registrations.delete(registrationKey(workload, id))
    },

    async putToken(mesh, token) {
      stateOf(mesh).tokens.set(token.id, token)
    },
    token: async (mesh, id) => stateOf(mesh).tokens.get(id),
    tokens: async (mesh, kind) => [...stateOf(mesh).tokens.values()].filter(token => token.kind === kind),
    takeToken: async (mesh, id) => stateOf(mesh).tokens.delete(id),
    async dropExpiredTokens(mesh, nowMs) {
      const { tokens } = stateOf(mesh)
      for (const token of tokens.values()) {
        if (token.kind !== 'operator' && token.expiresAtMs <= nowMs) tokens.delete(token.id)
      }
    },
    close: async () => {},
  }
}
