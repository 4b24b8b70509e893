/** Access rules can hold. */
import type { AccessRuleInput } from '../document.ts'
import { list } from '../match-schema.ts'
import { workloadsOf } from '../names.ts'
import { portsOf } from '../resolve.ts'
import { accessOf } from '../resolve-access.ts'
import type { Path } from '../violation.ts'
import type { Check, CheckContext } from './check.ts'
import { reportNotNormal } from './routes.ts'

export const checkAccess: Check = context => {
  const { rules, path } = accessOf(context.document.access)
  const names = new Map<string, number>()
  for (const [index, rule] of rules.entries()) {
    const at = [...path, index]
    const before = rule.name === undefined ? undefined : names.get(rule.name)
    if (before !== undefined)
      context.warn(
        [...at, 'name'],
        `rule ${before} has the name "${rule.name}", too: a refusal that quotes it does not tell which`,
      )
    if (rule.name !== undefined) names.set(rule.name, index)
    checkPaths(context, rule, at)
    checkPorts(context, rule, at)
  }
  warnOfDenyAlone(context, rules, path)
}

function checkPaths({ document, report }: CheckContext, rule: AccessRuleInput, at: Path): void {
  for (const [index, text] of (rule.paths ?? []).entries()) {
    const literal = text.endsWith('*') ? text.slice(0, -1) : text
    reportNotNormal(document, report, [...at, 'paths', index], literal)
  }
}

/** An allow rule that asks bytes for HTTP never holds; a deny rule then holds for all of them, which is no surprise. */
function checkPorts({ document, names, report }: CheckContext, rule: AccessRuleInput, at: Path): void {
  const workloads = list(rule.to).flatMap(name => workloadsOf(names, name) ?? [])
  const services = workloads.flatMap(name => names.workloads.get(name) ?? [])
  const ports = services.flatMap(name => portsOf(document.services?.[name] ?? {}))
  if (ports.length === 0) return
  for (const [index, port] of (rule.ports ?? []).entries())
    if (!ports.some(one => one.port === port)) {
      const dialled = [...new Set(ports.map(one => one.port))].join(', ')
      report([...at, 'ports', index], `found ${port}, expected a port that callers dial: ${dialled}`)
    }
  if (rule.action === 'deny' || ports.some(({ protocol }) => protocol !== 'tcp')) return
  for (const key of ['methods', 'paths', 'headers'] as const)
    if (rule[key] !== undefined)
      report(
        [...at, key],
        'found a condition on HTTP, expected only from, to and ports: all ports of the target are tcp',
      )
}

/** From the first enforcing rule on a service denies by default, so that deny rules alone allow nothing. */
function warnOfDenyAlone({ names, warn }: CheckContext, rules: readonly AccessRuleInput[], path: Path): void {
  const enforced = rules.map((rule, index) => ({ rule, index })).filter(({ rule }) => rule.mode !== 'shadow')
  const covered = (rule: AccessRuleInput) => list(rule.to).flatMap(name => workloadsOf(names, name) ?? [name])
  const allowed = new Set(
    enforced.filter(({ rule }) => rule.action !== 'deny').flatMap(({ rule }) => covered(rule)),
  )
  for (const { rule, index } of enforced) {
    const shut = rule.action === 'deny' ? covered(rule).find(workload => !allowed.has(workload)) : undefined
    if (shut !== undefined)
      warn(
        [...path, index],
        `no rule allows anything to "${shut}": a service that a rule names denies by default, so this rule refuses nothing more; add a rule that allows what should pass`,
      )
  }
}
