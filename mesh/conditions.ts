/** A route's match as a list of single conditions: the matcher asks all of them, `explain` shows each. */
import type { RequestView, RouteMatch, StringMatch } from './match.ts'
import { compilePathMatch, describePathMatch } from './path-match.ts'
import { cookie, queryParameter } from './request-value.ts'
import { compileStringMatch, describeStringMatch } from './string-match.ts'

/** Inputs that only HTTP has come after these three, which a TCP connection has, too. */
export type Input =
  | 'source'
  | 'port'
  | 'scheme'
  | 'host'
  | 'path'
  | 'method'
  | 'headers'
  | 'query'
  | 'cookies'

export interface Condition {
  readonly input: Input
  /** Header, parameter or cookie. */
  readonly name?: string
  /** What the route asks for, for people. */
  readonly expected: string
  /** What the request has; undefined: nothing. */
  found(request: RequestView): string | undefined
  holds(request: RequestView): boolean
}

/** In an order that asks the cheapest and most telling first. */
export function conditionsOf(match: RouteMatch): readonly Condition[] {
  return [
    ...(match.hosts === undefined ? [] : [hostCondition(match.hosts)]),
    ...(match.path === undefined ? [] : [pathCondition(match.path)]),
    ...otherConditions(match),
  ]
}

/** All but host and path, which the index looks up. */
export function otherConditions(match: RouteMatch): readonly Condition[] {
  return [
    ...oneOf('method', match.methods, request => request.method),
    ...oneOf('port', match.port === undefined ? undefined : [match.port], request => request.port),
    ...oneOf('scheme', match.scheme === undefined ? undefined : [match.scheme], request => request.scheme),
    ...oneOf('source', match.source, request => request.source),
    ...named('headers', match.headers, (request, name) => request.header(name)),
    ...named('query', match.query, (request, name) => queryParameter(request.query, name)),
    ...named('cookies', match.cookies, (request, name) => cookie(request.header('cookie'), name)),
  ]
}

function hostCondition(hosts: readonly string[]): Condition {
  return {
    input: 'host',
    expected: hosts.join(' or '),
    found: request => request.host,
    holds: request => hosts.some(host => matchesHost(host, request.host)),
  }
}

/** `*.example.com` stands for any number of labels before `example.com`, at least one, as in Gateway API. */
function matchesHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1))
}

function pathCondition(path: NonNullable<RouteMatch['path']>): Condition {
  const test = compilePathMatch(path)
  return {
    input: 'path',
    expected: describePathMatch(path),
    found: request => request.path,
    holds: request => test(request.path),
  }
}

function oneOf<Value extends string | number>(
  input: Input,
  allowed: readonly Value[] | undefined,
  found: (request: RequestView) => Value | undefined,
): Condition[] {
  if (allowed === undefined) return []
  const set = new Set<Value | undefined>(allowed)
  return [
    {
      input,
      expected: allowed.join(' or '),
      found: request => found(request)?.toString(),
      holds: request => set.has(found(request)),
    },
  ]
}

function named(
  input: Input,
  conditions: Readonly<Record<string, StringMatch>> | undefined,
  found: (request: RequestView, name: string) => string | undefined,
): Condition[] {
  return Object.entries(conditions ?? {}).map(([name, match]) => {
    const test = compileStringMatch(match)
    return {
      input,
      name,
      expected: describeStringMatch(match),
      found: request => found(request, name),
      holds: request => test(found(request, name)),
    }
  })
}
