/** What a route's `match` looks like in a document, and how it becomes a `RouteMatch`. */
import { z } from 'zod'
import type { Authored } from './authored.ts'
import type { PathMatch, RouteMatch, StringMatch } from './match.ts'
import { hostPatternSchema, portSchema, targetNameSchema } from './name.ts'
import { patternProblem } from './regex.ts'
import { templateProblem } from './template.ts'

const MAX_TEXT = 2048
const MAX_CONDITIONS = 32

/** Accepts an object that has exactly one of these keys, and names them otherwise. */
const exactlyOne =
  (keys: readonly string[]) =>
  (context: z.core.ParsePayload<object>): void => {
    const given = keys.filter(key => Object.hasOwn(context.value, key))
    if (given.length === 1) return
    const found = given.length === 0 ? 'none of them' : given.join(' and ')
    const message = `found ${found}, expected exactly one of ${keys.join(', ')}`
    context.issues.push({ code: 'custom', message, input: context.value })
  }

const text = z.string().max(MAX_TEXT)

const regexSchema = text.check(context => {
  const problem = patternProblem(context.value)
  if (problem !== undefined) context.issues.push({ code: 'custom', message: problem, input: context.value })
})

const rangeSchema = z
  .strictObject({ from: z.number(), to: z.number() })
  .refine(range => range.from < range.to, { error: 'expected from to be less than to' })

/** Authored form of a `StringMatch`: one condition, or a string that stands for `exact`. */
export type StringMatchInput = string | StringMatch

const STRING_KEYS = [
  'exact',
  'prefix',
  'suffix',
  'contains',
  'regex',
  'present',
  'absent',
  'range',
  'anyOf',
  'not',
]

const TEXT_KEYS = ['exact', 'prefix', 'suffix', 'contains', 'regex'] as const

const stringMatchObject = z
  .strictObject({
    exact: text.optional(),
    prefix: text.optional(),
    suffix: text.optional(),
    contains: text.optional(),
    regex: regexSchema.optional().describe('RE2 syntax, anchored at both ends.'),
    present: z.literal(true).optional(),
    absent: z.literal(true).optional(),
    range: rangeSchema.optional().describe('A number, from inclusive, to exclusive.'),
    get anyOf() {
      return z.array(stringMatchSchema).min(1).max(MAX_CONDITIONS).optional()
    },
    get not() {
      return stringMatchSchema.optional()
    },
    ignoreCase: z.boolean().optional(),
  })
  .check(exactlyOne(STRING_KEYS))
  .refine(match => match.ignoreCase === undefined || TEXT_KEYS.some(key => match[key] !== undefined), {
    error: `found ignoreCase without text, expected it only beside ${TEXT_KEYS.join(', ')}`,
  })

const stringMatchSchema: z.ZodType<StringMatchInput, StringMatchInput> = z
  .lazy(() => z.union([text, stringMatchObject]) as unknown as z.ZodType<StringMatchInput, StringMatchInput>)
  .meta({ id: 'StringMatch' })

/** What can stand in a path on the wire (RFC 3986 3.3); everything else is percent-encoded there. */
const PATH_TEXT = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/{}|^"<>`[\]\\]*$/

const pathText = text.refine(path => PATH_TEXT.test(path), {
  error: 'expected a path as it goes over the wire: it begins with "/", has no query, and is percent-encoded',
})
const literalPath = pathText.refine(path => !path.includes('*'), {
  error: '"*" is no wildcard here: expected { prefix } for whole segments, { startsWith } or { template }',
})
const templateText = pathText.check(context => {
  const problem = templateProblem(context.value)
  if (problem !== undefined) context.issues.push({ code: 'custom', message: problem, input: context.value })
})

export type PathMatchInput = string | PathMatch

const pathMatchSchema = z.union([
  literalPath,
  z
    .strictObject({
      exact: pathText.optional(),
      prefix: literalPath.optional().describe('Whole segments: /a matches /a and /a/b, not /ab.'),
      startsWith: pathText.optional().describe('Plain text.'),
      template: templateText.optional().describe('/users/{id}: {…} stands for one segment.'),
      regex: regexSchema.optional().describe('RE2 syntax, anchored at both ends.'),
      ignoreCase: z.boolean().optional(),
    })
    .check(exactlyOne(['exact', 'prefix', 'startsWith', 'template', 'regex'])),
]) as unknown as z.ZodType<PathMatchInput, PathMatchInput>

/** Methods are case-sensitive (RFC 9110 9.1), and all that exist are in upper case. */
export const methodSchema = z
  .string()
  .max(32)
  .refine(method => /^[A-Z][A-Z0-9-]*$/.test(method), {
    error: 'expected a method in upper case, such as "GET"',
  })

/** RFC 9110 5.1; upper case is accepted and compared in lower case. */
const fieldName = z
  .string()
  .max(256)
  .refine(name => /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name), {
    error: 'expected the name of a header field',
  })

const conditions = (key: z.ZodType<string, string>) => z.record(key, stringMatchSchema)

/** Header conditions, by field name. */
export const headersSchema = conditions(fieldName)

const oneOrMore = <T>(schema: z.ZodType<T, T>) =>
  z.union([schema, z.array(schema).min(1).max(MAX_CONDITIONS)])

const grpcPart = z
  .string()
  .max(256)
  .refine(part => /^[A-Za-z0-9_.-]+$/.test(part), { error: 'expected a name as in a .proto file' })

const grpcSchema = z.strictObject({
  service: grpcPart.optional().describe('With its package: shop.Payments.'),
  method: grpcPart.optional(),
  metadata: headersSchema.optional(),
})

export const matchSchema = z
  .strictObject({
    host: oneOrMore(hostPatternSchema).optional(),
    path: pathMatchSchema.optional().describe('A string means exact.'),
    method: oneOrMore(methodSchema).optional(),
    headers: headersSchema.optional(),
    query: conditions(z.string().min(1).max(256))
      .optional()
      .describe('The first of repeated parameters counts.'),
    cookies: conditions(z.string().min(1).max(256)).optional(),
    scheme: z.enum(['http', 'https']).optional(),
    port: portSchema.optional().describe('The port that the caller dialled.'),
    grpc: grpcSchema.optional().describe('Sugar over path and headers.'),
    source: oneOrMore(targetNameSchema).optional().describe('Services or workloads that call.'),
  })
  .refine(match => match.grpc === undefined || match.path === undefined, {
    error: 'grpc stands for a path: expected only one of grpc and path',
  })
  .meta({ id: 'Match' })
export type MatchInput = Authored<typeof matchSchema>

/** The match without its hosts, which the caller spreads over routes of one host each. */
export function resolveMatch(
  match: MatchInput,
  priority: number | undefined,
  workloadsOf: (name: string) => readonly string[],
): Omit<RouteMatch, 'hosts'> {
  const path = match.grpc === undefined ? resolvePath(match.path) : grpcPath(match.grpc)
  const headers = resolveConditions({ ...match.headers, ...match.grpc?.metadata }, name => name.toLowerCase())
  return {
    ...(path !== undefined && { path }),
    ...(match.method !== undefined && { methods: list(match.method) }),
    ...(headers !== undefined && { headers }),
    ...optionalConditions('query', match.query),
    ...optionalConditions('cookies', match.cookies),
    ...(match.scheme !== undefined && { scheme: match.scheme }),
    ...(match.port !== undefined && { port: match.port }),
    ...(match.source !== undefined && { source: [...new Set(list(match.source).flatMap(workloadsOf))] }),
    ...(priority !== undefined && { priority }),
  }
}

/** A value or a list of them, as a list. */
export const list = <T>(oneOrMany: T | readonly T[]): readonly T[] =>
  Array.isArray(oneOrMany) ? (oneOrMany as readonly T[]) : [oneOrMany as T]

const resolvePath = (path: PathMatchInput | undefined): PathMatch | undefined =>
  typeof path === 'string' ? { exact: path } : path

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: the path is `/{service}/{method}`. */
function grpcPath({
  service,
  method,
}: {
  service?: string | undefined
  method?: string | undefined
}): PathMatch | undefined {
  if (service !== undefined && method !== undefined) return { exact: `/${service}/${method}` }
  if (service !== undefined) return { template: `/${service}/{method}` }
  return method === undefined ? undefined : { template: `/{service}/${method}` }
}

const optionalConditions = (
  key: 'query' | 'cookies',
  input: Readonly<Record<string, StringMatchInput>> | undefined,
) => {
  const resolved = resolveConditions(input ?? {}, name => name)
  return resolved === undefined ? {} : { [key]: resolved }
}

/** Conditions by name; undefined when there are none. */
export function resolveConditions(
  input: Readonly<Record<string, StringMatchInput>>,
  spell: (name: string) => string,
): Readonly<Record<string, StringMatch>> | undefined {
  const entries = Object.entries(input).map(([name, match]) => [spell(name), resolveString(match)] as const)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function resolveString(match: StringMatchInput): StringMatch {
  if (typeof match === 'string') return { exact: match }
  if ('anyOf' in match) return { anyOf: match.anyOf.map(resolveString) }
  if ('not' in match) return { not: resolveString(match.not) }
  return match
}
