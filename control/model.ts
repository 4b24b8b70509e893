/** The mesh at its newest revision, decoded and resolved once: what every request reads. */
import type { MeshDocumentInput } from '../mesh/document.ts'
import { type Fragment, mergeFragments } from '../mesh/merge.ts'
import { type ResolvedMesh, resolve } from '../mesh/resolve.ts'
import { OPERATOR } from './caller/caller.ts'
import { decodeContent } from './fragment-content.ts'
import type { MeshRevision, Store, StoredFragment } from './store/store.ts'

export interface Model {
  /** 0: nothing was published yet. */
  readonly revision: number
  readonly head: MeshRevision | undefined
  /** All fragments as one. */
  readonly document: MeshDocumentInput
  readonly mesh: ResolvedMesh
  /** Allocated loopback address by service. */
  readonly addresses: ReadonlyMap<string, string>
}

export interface Models {
  /** Costs one small read of the store unless the revision changed. */
  current(): Promise<Model>
  /** After a commit: spares reading back what was just written. */
  adopt(model: Model): void
  /** A stored fragment's document. */
  documentOf(fragment: StoredFragment): MeshDocumentInput
}

export function models(options: {
  readonly store: Store
  readonly mesh: string
  readonly trustDomain: string
}): Models {
  const { store, mesh, trustDomain } = options
  let newest = modelOf(undefined, { name: mesh, trustDomain })
  /** Decoding again what did not change would make each change cost the whole mesh. */
  let decoded = new Map<string, MeshDocumentInput>()

  const documentOf = (fragment: StoredFragment): MeshDocumentInput => {
    // Only what was validated is ever stored.
    const document = decoded.get(fragment.contentHash) ?? (decodeContent(fragment) as MeshDocumentInput)
    decoded.set(fragment.contentHash, document)
    return document
  }
  const adopt = (model: Model): void => {
    if (model.revision <= newest.revision) return
    newest = model
    const live = [...(model.head?.fragments.values() ?? [])].map(fragment => fragment.contentHash)
    decoded = new Map(live.flatMap(hash => (decoded.has(hash) ? [[hash, decoded.get(hash)!]] : [])))
  }

  return {
    adopt,
    documentOf,
    async current() {
      const revision = await store.revision(mesh)
      if (revision === newest.revision) return newest
      const head = await store.read(mesh)
      if (head === undefined) return newest
      const { document } = mergeFragments(fragmentsOf(head, documentOf))
      adopt(modelOf(head, { ...document, name: mesh, trustDomain }))
      return newest
    },
  }
}

/** What `mergeFragments` takes. */
export const fragmentsOf = (
  { fragments }: Pick<MeshRevision, 'fragments'>,
  documentOf: Models['documentOf'],
): Fragment[] =>
  [...fragments].map(([name, stored]) => ({
    name,
    document: documentOf(stored),
    operator: stored.owner === OPERATOR,
  }))

/** @param document merged and valid */
export function modelOf(head: MeshRevision | undefined, document: MeshDocumentInput): Model {
  return {
    revision: head?.revision ?? 0,
    head,
    document,
    mesh: resolve(document),
    addresses: head?.addresses ?? new Map(),
  }
}
