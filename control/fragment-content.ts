/** A fragment's document as bytes in a store, and back. */
import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { canonicalJson } from '../mesh/hash.ts'
import type { StoredFragment } from './store/store.ts'

export type FragmentContent = Pick<StoredFragment, 'content' | 'contentHash'>

/** Equal documents give equal hashes, whatever the order of their keys; the text keeps the author's order. */
export function encodeContent(document: unknown): FragmentContent {
  return {
    content: gzipSync(JSON.stringify(document)),
    contentHash: createHash('sha256').update(canonicalJson(document)).digest('hex'),
  }
}

export const decodeContent = ({ content }: Pick<StoredFragment, 'content'>): unknown =>
  JSON.parse(gunzipSync(content).toString('utf8'))
