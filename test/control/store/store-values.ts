/** Values that store tests write. */
import type { MeshRevision, StoredFragment } from '../../../control/store/store.ts'

export const fragment = (text: string, revision = 1): StoredFragment => ({
  owner: 'operator',
  revision,
  updatedAtMs: 1000 + revision,
  contentHash: `hash of ${text}`,
  content: new TextEncoder().encode(text),
})

export const meshRevision = (
  revision: number,
  fragments: Record<string, StoredFragment>,
  more: Partial<MeshRevision> = {},
): MeshRevision => ({
  revision,
  atMs: 1000 + revision,
  by: 'operator',
  action: 'put',
  subject: 'mesh',
  fragments: new Map(Object.entries(fragments)),
  addresses: new Map([['payments', '127.83.0.1']]),
  ...more,
})
