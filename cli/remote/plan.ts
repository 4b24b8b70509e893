import type { Plan } from '../../mesh/protocol.ts'
import { count, type Style } from '../terminal/terminal.ts'

/** What a fragment would change, as a difference that people read. */
export function renderPlan(plan: Plan, style: Style): string {
  const changes = [
    ...plan.services.added.map(name => style('green', `+ service ${name}`)),
    ...plan.services.removed.map(name => style('red', `- service ${name}`)),
    ...plan.routes.flatMap(route => renderRoute(route, style)),
  ]
  const warnings = plan.warnings.map(
    ({ path, message }) => `${style('yellow', 'warning:')} ${path}: ${message}`,
  )
  const affected =
    plan.workloads.length === 0
      ? 'no workload'
      : `${count(plan.workloads.length, 'workload')} (${plan.workloads.join(', ')})`
  return [
    `mesh ${style('bold', plan.mesh)}, compared with revision ${plan.revision}`,
    ...(changes.length === 0 && plan.workloads.length === 0
      ? ['  nothing changes']
      : changes.map(line => `  ${line}`)),
    `  affects ${affected}`,
    ...warnings,
  ].join('\n')
}

type RouteChange = Plan['routes'][number]

function renderRoute(route: RouteChange, style: Style): string[] {
  const name = `route ${route.service} ${style('dim', route.key)}`
  switch (route.change) {
    case 'added':
      return [`${style('green', '+')} ${name} ${targetsOf(route.after)}`]
    case 'removed':
      return [`${style('red', '-')} ${name} ${targetsOf(route.before)}`]
    case 'changed':
      return [`${style('yellow', '~')} ${name}`, ...differences(route, style).map(line => `    ${line}`)]
  }
}

/** The fields of a changed route that differ, before and after. */
function differences(route: RouteChange, style: Style): string[] {
  const [before, after] = [fieldsOf(route.before), fieldsOf(route.after)]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter(key => before[key] !== after[key])
    .map(key => `${key}: ${style('red', before[key] ?? 'none')} → ${style('green', after[key] ?? 'none')}`)
}

const fieldsOf = (value: unknown): Record<string, string> =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value).map(([key, field]) => [
          key,
          key === 'targets' ? weights(field) : JSON.stringify(field),
        ]),
      )
    : {}

const targetsOf = (route: unknown): string => {
  const { targets } = fieldsOf(route)
  return targets === undefined ? '' : `→ ${targets}`
}

/** `payments/v1 90, payments/v2 10`. */
function weights(targets: unknown): string {
  if (!Array.isArray(targets)) return JSON.stringify(targets)
  return targets
    .map(target => (targets.length === 1 ? target.name : `${target.name} ${target.weight}`))
    .join(', ')
}
