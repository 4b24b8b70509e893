/** One access rule, compiled to questions of a request and of a connection. */
import type { RequestView } from './match.ts'
import { decodedPath } from './normalise-path.ts'
import type { AccessRule } from './policy/access.ts'
import { compileStringMatch } from './string-match.ts'

/** What access rules look at. A `RequestView` is one. */
export type AccessView = Pick<RequestView, 'method' | 'path' | 'port' | 'source' | 'header'>

/** A connection of plain bytes. */
export type ConnectionView = Pick<AccessView, 'port' | 'source'>

export interface CompiledRule {
  readonly name: string
  readonly action: 'allow' | 'deny'
  readonly mode: 'enforce' | 'shadow'
  readonly asksPath: boolean
  /** `decoded`: the path's fully decoded form, undefined when it has none; unused unless `asksPath`. */
  holds(request: AccessView, decoded: string | undefined): boolean
  /** Has no method, path or headers: an allow rule that asks for one never holds, a deny rule bites without asking. */
  holdsForConnection(connection: ConnectionView): boolean
}

export function compileRule(rule: AccessRule): CompiledRule {
  const { name, action, mode } = rule
  const comesFrom = compileFrom(rule)
  const asks = [...compileMethods(rule), ...compileHeaders(rule)]
  const path = rule.paths.length === 0 ? undefined : compilePaths(rule)
  const httpOnly = asks.length > 0 || path !== undefined
  return {
    name,
    action,
    mode,
    asksPath: path !== undefined,
    holds: (request, decoded) => {
      if (!comesFrom(request)) return false
      for (const ask of asks) if (!ask(request)) return false
      return path === undefined || path(request.path, decoded)
    },
    holdsForConnection: connection => comesFrom(connection) && (action === 'deny' || !httpOnly),
  }
}

function compileFrom({ from, ports }: AccessRule): (view: ConnectionView) => boolean {
  const sources = new Set(from)
  const anyone = sources.has('*')
  const open = new Set(ports)
  return ({ source, port }) =>
    source !== undefined && (anyone || sources.has(source)) && (open.size === 0 || open.has(port))
}

type Ask = (request: AccessView) => boolean

function compileMethods({ methods }: AccessRule): Ask[] {
  const allowed = new Set(methods)
  return allowed.size === 0 ? [] : [({ method }) => allowed.has(method)]
}

const compileHeaders = ({ headers }: AccessRule): Ask[] =>
  Object.entries(headers).map(([name, match]) => {
    const test = compileStringMatch(match)
    return request => test(request.header(name))
  })

interface Pattern {
  readonly text: string
  /** The path may go on. */
  readonly open: boolean
}

/**
 * Because an app may decode a path further than the mesh does, an allow must hold for the path as forwarded and for
 * its fully decoded form; a deny bites on either. Each form is compared with the pattern in the same form.
 */
function compilePaths({ action, paths }: AccessRule): (path: string, decoded: string | undefined) => boolean {
  const written = paths.map(text =>
    text.endsWith('*') ? { text: text.slice(0, -1), open: true } : { text, open: false },
  )
  const decodedPatterns = written.map(decodePattern)
  const asForwarded = (path: string) => written.some(pattern => matches(pattern, path))
  const asDecoded = (path: string) => decodedPatterns.some(pattern => matches(pattern, path))
  if (action === 'deny')
    return (path, decoded) => asForwarded(path) || decoded === undefined || asDecoded(decoded)
  return (path, decoded) => decoded !== undefined && asForwarded(path) && asDecoded(decoded)
}

const matches = ({ text, open }: Pattern, path: string) => (open ? path.startsWith(text) : path === text)

/** `/.` at the end of an open pattern begins a name, so it is no dot segment: what follows keeps it from being one. */
function decodePattern({ text, open }: Pattern): Pattern {
  const decoded = decodedPath(open ? `${text}~` : text) ?? text
  return { text: open ? decoded.slice(0, -1) : decoded, open }
}
