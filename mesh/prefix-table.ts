/**
 * Prefixes of paths, of whole segments or of plain text. The path is walked once; at each length at which some prefix
 * ends, a hash of what was walked finds those that may be it. No text is cut out.
 */

import { firstMatch, type IndexedRule } from './indexed-rule.ts'
import type { RequestView } from './match.ts'
import { endsSegment } from './path-match.ts'

interface Prefix {
  readonly text: string
  readonly wholeSegments: boolean
  readonly rules: IndexedRule[]
}

// FNV-1a, 32 bits. Equal hashes are compared as text, so collisions cost time and nothing else.
const FNV_OFFSET = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193

const step = (hash: number, code: number): number => Math.imul(hash ^ code, FNV_PRIME)

function hashText(text: string): number {
  let hash = FNV_OFFSET
  for (let index = 0; index < text.length; index++) hash = step(hash, text.charCodeAt(index))
  return hash
}

export class PrefixTable {
  private readonly byHash = new Map<number, Prefix[]>()
  /** True at each length that a prefix of whole segments has, and at each that one of plain text has. */
  private readonly segmentLengths: boolean[] = []
  private readonly textLengths: boolean[] = []
  lowestRank = Number.POSITIVE_INFINITY

  /** Rules arrive in rank order. */
  insert(text: string, wholeSegments: boolean, rule: IndexedRule): void {
    const hash = hashText(text)
    const bucket = this.byHash.get(hash) ?? []
    this.byHash.set(hash, bucket)
    const same = bucket.find(prefix => prefix.text === text && prefix.wholeSegments === wholeSegments)
    if (same === undefined) bucket.push({ text, wholeSegments, rules: [rule] })
    else same.rules.push(rule)
    while (this.textLengths.length <= text.length) {
      this.segmentLengths.push(false)
      this.textLengths.push(false)
    }
    const lengths = wholeSegments ? this.segmentLengths : this.textLengths
    lengths[text.length] = true
    this.lowestRank = Math.min(this.lowestRank, rule.rank)
  }

  find(path: string, request: RequestView, limit: number): number {
    const { segmentLengths, textLengths } = this
    const last = Math.min(path.length, textLengths.length - 1)
    let best = limit
    let hash = FNV_OFFSET
    for (let length = 0; ; length++) {
      // Most prefixes are of whole segments: nothing needs to be looked up in the middle of one.
      const mayEnd = segmentLengths[length] === true && endsSegment(path, length)
      if (mayEnd || textLengths[length] === true) best = this.findAt(hash, length, path, request, best)
      if (length >= last) return best
      hash = step(hash, path.charCodeAt(length))
    }
  }

  private findAt(hash: number, length: number, path: string, request: RequestView, limit: number): number {
    const bucket = this.byHash.get(hash)
    if (bucket === undefined) return limit
    let best = limit
    for (const { text, wholeSegments, rules } of bucket) {
      if (text.length !== length || (wholeSegments && !endsSegment(path, length))) continue
      if (path.startsWith(text)) best = firstMatch(rules, request, best)
    }
    return best
  }
}
