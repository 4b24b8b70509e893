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

/** The route as its author wrote it, field by field, each as text that can be compared and read. */
const fieldsOf = (route: unknown): Record<string, string> =>
  typeof route === 'object' && route !== null
    ? Object.fromEntries(
        Object.entries(route).map(([key, field]) => [
          key,
          key === 'to' ? targets(field) : JSON.stringify(field),
        ]),
      )
    : {}

const targetsOf = (route: unknown): string => {
  const { to, match } = fieldsOf(route)
  const when = match === undefined ? '' : `when ${match} `
  return to === undefined ? '' : `${when}→ ${to}`
}

/** `payments/v1 90, payments/v2 10`: of a name, a map of weights or a list of targets. */
function targets(to: unknown): string {
  if (typeof to === 'string') return to
  if (Array.isArray(to)) return to.map(({ target, weight = 1 }) => `${target} ${weight}`).join(', ')
  return Object.entries(to ?? {})
    .map(([name, weight]) => `${name} ${weight}`)
    .join(', ')
}
