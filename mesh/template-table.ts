/** Templates such as `/users/{id}`, as a tree of segments. */

import { firstMatch, type IndexedRule } from './indexed-rule.ts'
import type { RequestView } from './match.ts'
import { templateSegments } from './template.ts'

interface Node {
  readonly literal: Map<string, Node>
  variable: Node | undefined
  /** Rules whose template ends here. */
  readonly rules: IndexedRule[]
  /** Of this node and all below it. */
  lowestRank: number
}

const node = (): Node => ({
  literal: new Map(),
  variable: undefined,
  rules: [],
  lowestRank: Number.POSITIVE_INFINITY,
})

export class TemplateTable {
  private readonly root = node()

  get lowestRank(): number {
    return this.root.lowestRank
  }

  /** Rules arrive in rank order. */
  insert(template: string, rule: IndexedRule): void {
    let at = this.root
    at.lowestRank = Math.min(at.lowestRank, rule.rank)
    for (const segment of templateSegments(template)) {
      at = segment === undefined ? variableOf(at) : literalOf(at, segment)
      at.lowestRank = Math.min(at.lowestRank, rule.rank)
    }
    at.rules.push(rule)
  }

  find(path: string, request: RequestView, limit: number): number {
    // `*` of OPTIONS has no segments.
    if (path.charCodeAt(0) !== 0x2f) return limit
    return descend(this.root, path, 1, request, limit)
  }
}

function variableOf(parent: Node): Node {
  parent.variable ??= node()
  return parent.variable
}

function literalOf(parent: Node, segment: string): Node {
  const child = parent.literal.get(segment) ?? node()
  parent.literal.set(segment, child)
  return child
}

/** Follows the literal branch and the variable one; a branch whose rules all come later than the best is left out. */
function descend(at: Node, path: string, start: number, request: RequestView, limit: number): number {
  if (at.lowestRank >= limit) return limit
  if (start > path.length) return firstMatch(at.rules, request, limit)
  const slash = path.indexOf('/', start)
  const end = slash === -1 ? path.length : slash
  let best = limit
  if (at.literal.size > 0) {
    const child = at.literal.get(path.slice(start, end))
    if (child !== undefined) best = descend(child, path, end + 1, request, best)
  }
  if (at.variable !== undefined && end > start) best = descend(at.variable, path, end + 1, request, best)
  return best
}
