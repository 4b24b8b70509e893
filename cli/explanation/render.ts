import type { Explanation } from '../../mesh/explain.ts'
import type { PolicyExplanation } from '../../mesh/explain-policy.ts'
import type { RouteExplanation } from '../../mesh/explain-route.ts'
import { type Style, table } from '../terminal/terminal.ts'

type Backend = Explanation['backends'][number]

/**
 * A decision for people: the verdict first, then the routes with why and why not, backends, policies, access.
 * Policy fields that nobody set are only counted unless `defaults`.
 */
export function renderExplanation(explanation: Explanation, style: Style, defaults: boolean): string {
  const sections = [
    request(explanation, style),
    outcome(explanation, style),
    section(
      'routes, in the order in which they are asked',
      explanation.routes.flatMap(route => renderRoute(route, style)),
      style,
    ),
    section('backends', backends(explanation.backends, style), style),
    section('policies', policies(explanation, style, defaults), style),
    section('access', access(explanation, style), style),
  ]
  return sections.filter(text => text !== '').join('\n')
}

function request({ request }: Explanation, style: Style): string {
  const from = request.source ?? 'a caller without a proven identity'
  const query = request.query === '' ? '' : `?${request.query}`
  const line = `${request.method} ${request.scheme}://${request.host}:${request.port}${request.path}${query}`
  const matchedAs =
    request.normalisedPath === undefined || request.normalisedPath === request.path
      ? []
      : [style('dim', `  matched as ${request.normalisedPath}`)]
  return [`${style('bold', line)} ${style('dim', `from ${from}`)}`, ...matchedAs].join('\n')
}

function outcome({ outcome }: Explanation, style: Style): string {
  if (outcome.kind === 'forwarded') return `${style('green', '→ forwarded')} ${outcome.reason}`
  return `${style('red', `✗ ${outcome.status} ${outcome.flag}`)} ${outcome.reason}`
}

const section = (title: string, lines: readonly string[], style: Style): string =>
  lines.length === 0 ? '' : ['', style('bold', title), ...lines.map(line => `  ${line}`)].join('\n')

function renderRoute(route: RouteExplanation, style: Style): string[] {
  const mark = route.taken ? style('green', '✓') : route.matches ? style('yellow', '-') : style('red', '✗')
  const name = route.name === undefined ? route.place : `${route.place} "${route.name}"`
  const conditions = route.conditions.map(({ holds, input, name: of, expected, found }) => {
    const what = of === undefined ? input : `${input} "${of}"`
    const seen = found === undefined ? 'nothing' : JSON.stringify(found)
    return `    ${holds ? style('green', '✓') : style('red', '✗')} ${what} ${expected} ${style('dim', `(found ${seen})`)}`
  })
  const remark = route.taken ? 'taken' : route.matches ? route.reason : ''
  return [`${mark} ${name} ${style('dim', remark)}`.trimEnd(), ...conditions]
}

function backends(all: readonly Backend[], style: Style): string[] {
  const rows = all.map(({ name, workload, percent, port, access }) => [
    `${Math.round(percent * 10) / 10} %`,
    workload ?? name,
    `port ${port}`,
    workload === undefined
      ? style('red', 'does not exist: 500')
      : access?.allowed === false
        ? style('red', 'refused: 403')
        : '',
  ])
  return rows.length === 0 ? [] : table(rows).split('\n')
}

function policies(explanation: Explanation, style: Style, defaults: boolean): string[] {
  const ofRoute = Object.entries(explanation.policies).map(([name, policy]) => ({ name, policy }))
  const ofWorkloads = explanation.backends.flatMap(({ workload, policies }) =>
    Object.entries(policies).map(([name, policy]) => ({ name: `${workload} ${name}`, policy })),
  )
  const all = [...ofRoute, ...ofWorkloads].flatMap(({ name, policy }) => fieldsOf(name, policy))
  const shown = defaults ? all : all.filter(({ from }) => from !== 'default')
  const rows = shown.map(({ name, value, from }) => [
    name,
    JSON.stringify(value),
    style(from === 'default' ? 'dim' : 'cyan', from),
  ])
  const hidden = all.length - shown.length
  return [
    ...(rows.length === 0 ? [] : table(rows).split('\n')),
    ...(hidden === 0 ? [] : [style('dim', `${hidden} fields have their defaults (--defaults shows them)`)]),
  ]
}

const fieldsOf = (policy: string, explanation: PolicyExplanation | undefined) =>
  Object.entries(explanation ?? {}).map(([field, { value, from }]) => ({
    name: `${policy}.${field}`,
    value,
    from,
  }))

function access({ access }: Explanation, style: Style): string[] {
  const mark = access.allowed ? style('green', '✓') : style('red', '✗')
  const shadow =
    access.shadow === undefined
      ? []
      : [
          style(
            'dim',
            `shadow rules would ${access.shadow.allowed ? 'allow' : 'refuse'} it (${access.shadow.rules.join(', ') || 'none holds'})`,
          ),
        ]
  return [`${mark} ${access.reason}`, ...shadow]
}
