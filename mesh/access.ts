/**
 * Evaluates access rules. Deny rules win over allow rules; what no allow rule names is allowed or refused as the
 * snapshot says (`byDefault`). Shadow rules never change a verdict.
 */
import { type AccessView, type CompiledRule, type ConnectionView, compileRule } from './access-rule.ts'
import { decodedPath } from './normalise-path.ts'
import type { InboundAccess } from './snapshot.ts'

export type { AccessView, ConnectionView } from './access-rule.ts'

export interface Verdict {
  readonly allowed: boolean
  /** Name of the rule that decided; undefined: none did, and the default stands. */
  readonly rule: string | undefined
  /** One sentence for people, in visible ASCII: it may be a header's value. */
  readonly reason: string
  /** What shadow rules would have done; undefined when there are none. */
  readonly shadow: ShadowVerdict | undefined
}

export interface ShadowVerdict {
  /** Names of the shadow rules that hold. */
  readonly rules: readonly string[]
  /** The verdict if every shadow rule were enforced. */
  readonly allowed: boolean
}

export interface CompiledAccess {
  authorise(request: AccessView): Verdict
  authoriseConnection(connection: ConnectionView): Verdict
}

/** Compiled once per snapshot and port. Throws when a pattern is not RE2 syntax. */
export function compileAccess({ byDefault, rules }: InboundAccess): CompiledAccess {
  const compiled = rules.map(compileRule)
  const enforced = inOrder(compiled.filter(rule => rule.mode === 'enforce'))
  const shadow = compiled.filter(rule => rule.mode === 'shadow')
  const asksPath = compiled.some(rule => rule.asksPath)
  const verdictOf = verdicts(enforced, byDefault)

  const decide = (holds: Holds, describe: () => string): Verdict => {
    const verdict = verdictOf(firstThatHolds(enforced, holds), describe)
    return shadow.length === 0 ? verdict : { ...verdict, shadow: shadowVerdict(compiled, shadow, holds) }
  }
  return {
    authorise: request => {
      const decoded = asksPath ? decodedPath(request.path) : undefined
      return decide(
        rule => rule.holds(request, decoded),
        () => `${who(request)} to ${visible(request.method)} ${visible(request.path)}`,
      )
    },
    authoriseConnection: connection =>
      decide(
        rule => rule.holdsForConnection(connection),
        () => `${who(connection)} to connect to port ${connection.port}`,
      ),
  }
}

type Holds = (rule: CompiledRule) => boolean

/** Deny rules first: the first that holds decides. */
const inOrder = (rules: readonly CompiledRule[]): readonly CompiledRule[] => [
  ...rules.filter(rule => rule.action === 'deny'),
  ...rules.filter(rule => rule.action === 'allow'),
]

function firstThatHolds(rules: readonly CompiledRule[], holds: Holds): CompiledRule | undefined {
  for (const rule of rules) if (holds(rule)) return rule
  return undefined
}

/** Verdicts that allow are the same value each time; only a refusal says what was refused. */
function verdicts(enforced: readonly CompiledRule[], byDefault: 'allow' | 'deny') {
  const allowing = new Map(
    enforced.map(rule => [rule, verdict(true, rule.name, `access rule "${rule.name}" allows it`)]),
  )
  const open = verdict(true, undefined, 'no access rule names the service')
  return (rule: CompiledRule | undefined, describe: () => string): Verdict => {
    if (rule?.action === 'allow') return allowing.get(rule)!
    if (rule !== undefined)
      return verdict(false, rule.name, `access rule "${rule.name}" denies ${describe()}`)
    return byDefault === 'allow' ? open : verdict(false, undefined, `no access rule allows ${describe()}`)
  }
}

const verdict = (allowed: boolean, rule: string | undefined, reason: string): Verdict => ({
  allowed,
  rule,
  reason,
  shadow: undefined,
})

/** If shadow rules were enforced, they would name the service: it would deny by default. */
function shadowVerdict(
  all: readonly CompiledRule[],
  shadow: readonly CompiledRule[],
  holds: Holds,
): ShadowVerdict {
  return {
    rules: shadow.filter(holds).map(rule => rule.name),
    allowed: firstThatHolds(inOrder(all), holds)?.action === 'allow',
  }
}

const who = ({ source }: ConnectionView): string => source ?? 'a caller without a proven identity'

const MAX_SHOWN = 120

const visible = (text: string): string => text.slice(0, MAX_SHOWN).replace(/[^\x21-\x7e]/g, '?')
