/** Rules of one host, looked up by path. */
import { append, firstMatch, holds, type IndexedRule } from './indexed-rule.ts'
import type { PathMatch, RequestView } from './match.ts'
import { compilePathMatch, trimmedPrefix } from './path-match.ts'
import { PrefixTable } from './prefix-table.ts'
import { TemplateTable } from './template-table.ts'

/** Tables of one spelling: as it is, or all in lower case. */
class SpellingTable {
  private readonly exact = new Map<string, IndexedRule[]>()
  private readonly prefixes = new PrefixTable()
  private readonly templates = new TemplateTable()
  private readonly fold: boolean

  constructor(rules: readonly IndexedRule[], fold: boolean) {
    this.fold = fold
    for (const rule of rules) this.insert(rule, rule.path!)
  }

  private insert(rule: IndexedRule, path: PathMatch): void {
    const spell = (text: string) => (this.fold ? text.toLowerCase() : text)
    if ('exact' in path) append(this.exact, spell(path.exact), rule)
    else if ('prefix' in path) this.prefixes.insert(spell(trimmedPrefix(path.prefix)), true, rule)
    else if ('startsWith' in path) this.prefixes.insert(spell(path.startsWith), false, rule)
    else if ('template' in path) this.templates.insert(spell(path.template), rule)
  }

  find(request: RequestView, limit: number): number {
    const path = this.fold ? request.path.toLowerCase() : request.path
    let best = limit
    if (this.exact.size > 0) {
      const found = this.exact.get(path)
      if (found !== undefined) best = firstMatch(found, request, best)
    }
    if (this.templates.lowestRank < best) best = this.templates.find(path, request, best)
    if (this.prefixes.lowestRank < best) best = this.prefixes.find(path, request, best)
    return best
  }
}

/** A rule that has to be asked itself: a regular expression on the path. */
interface Scanned {
  readonly rule: IndexedRule
  readonly test: (path: string) => boolean
}

export class PathTable {
  private readonly spelled: SpellingTable | undefined
  private readonly folded: SpellingTable | undefined
  private readonly scanned: readonly Scanned[]
  private readonly any: readonly IndexedRule[]

  /** @param rules in rank order. */
  constructor(rules: readonly IndexedRule[]) {
    const tabled = rules.filter(({ path }) => path !== undefined && !('regex' in path))
    this.spelled = tableOf(
      tabled.filter(({ path }) => path?.ignoreCase !== true),
      false,
    )
    this.folded = tableOf(
      tabled.filter(({ path }) => path?.ignoreCase === true),
      true,
    )
    this.scanned = rules.flatMap(rule =>
      rule.path !== undefined && 'regex' in rule.path ? [{ rule, test: compilePathMatch(rule.path) }] : [],
    )
    this.any = rules.filter(({ path }) => path === undefined)
  }

  /** The lowest matching rank below `limit`; `limit` when there is none. */
  find(request: RequestView, limit: number): number {
    let best = limit
    if (this.spelled !== undefined) best = this.spelled.find(request, best)
    if (this.folded !== undefined) best = this.folded.find(request, best)
    if (this.any.length > 0) best = firstMatch(this.any, request, best)
    for (const { rule, test } of this.scanned) {
      if (rule.rank >= best) break
      if (test(request.path) && holds(rule.conditions, request)) best = rule.rank
    }
    return best
  }
}

const tableOf = (rules: readonly IndexedRule[], fold: boolean): SpellingTable | undefined =>
  rules.length === 0 ? undefined : new SpellingTable(rules, fold)
