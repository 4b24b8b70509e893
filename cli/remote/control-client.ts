/** The control API as the command sees it. Every refusal becomes one sentence and an exit code. */
import type { z } from 'zod'
import {
  type Accepted,
  acceptedSchema,
  bearer,
  etagOf,
  fragmentsSchema,
  type Plan,
  paths,
  planSchema,
  problemSchema,
  type Status,
  statusSchema,
} from '../../mesh/protocol.ts'
import type { HttpsAnswer } from '../../proxy/config/https.ts'
import { CommandError } from '../command-error.ts'
import type { ExitName } from '../exit-code.ts'
import { type Call, pinnedTo, sendTo, tryJson } from './https.ts'
import type { Access } from './operator.ts'

export type Fragments = z.infer<typeof fragmentsSchema>

export interface ControlClient {
  readonly mesh: string
  readonly url: URL
  status(): Promise<Status>
  fragments(): Promise<Fragments>
  plan(fragment: string, document: unknown): Promise<Plan>
  /**
   * Publishes a fragment if it is still at `revision` (undefined: if it does not exist yet), so that nobody's
   * change is overwritten unseen.
   */
  put(fragment: string, document: unknown, revision: number | undefined): Promise<Accepted>
}

export async function connect(access: Access, mesh: string): Promise<ControlClient> {
  const { url, caSha256 } = access
  const send = caSha256 === undefined ? sendTo(url) : await pinnedTo(url, mesh, caSha256)
  const authorization = bearer(access.token)
  const ask = async <T>(schema: z.ZodType<T>, call: Call): Promise<T> => {
    const answer = await send({ ...call, headers: { authorization, ...call.headers } })
    return read(schema, answer, url)
  }
  return {
    mesh,
    url,
    status: () => ask(statusSchema, { method: 'GET', path: paths.status(mesh) }),
    fragments: () => ask(fragmentsSchema, { method: 'GET', path: paths.fragments(mesh) }),
    plan: (fragment, document) =>
      ask(planSchema, { method: 'POST', path: paths.plan(mesh), ...json({ fragment, document }) }),
    put: (fragment, document, revision) =>
      ask(acceptedSchema, {
        method: 'PUT',
        path: paths.fragment(mesh, fragment),
        ...json(
          document,
          revision === undefined ? { 'if-none-match': '*' } : { 'if-match': etagOf(revision) },
        ),
      }),
  }
}

const json = (value: unknown, headers: Readonly<Record<string, string>> = {}) => {
  const body = JSON.stringify(value)
  return { body, headers: { 'content-type': 'application/json', ...headers } }
}

function read<T>(schema: z.ZodType<T>, answer: HttpsAnswer, url: URL): T {
  if (answer.status >= 400) throw refusal(answer, url)
  const parsed = schema.safeParse(tryJson(answer.text))
  if (parsed.success) return parsed.data
  throw new CommandError(
    'internal',
    `${url.origin} answered ${answer.status} with something that this version of selvage cannot read`,
  )
}

const EXIT_BY_STATUS: Readonly<Record<number, ExitName>> = {
  400: 'wrong',
  401: 'refused',
  403: 'refused',
  404: 'missing',
  409: 'refused',
  412: 'refused',
  413: 'wrong',
  422: 'wrong',
  429: 'missing',
  503: 'missing',
}

function refusal(answer: HttpsAnswer, url: URL): CommandError {
  const problem = problemSchema.safeParse(tryJson(answer.text))
  const detail = problem.success ? problem.data.detail || problem.data.title : answer.text.slice(0, 200)
  const violations = problem.success ? problem.data.violations : undefined
  const hint =
    answer.status === 412
      ? 'Somebody else changed it in the meantime: look at their change, then apply again.'
      : undefined
  return new CommandError(
    EXIT_BY_STATUS[answer.status] ?? 'internal',
    `the control plane at ${url.origin} answered ${answer.status}: ${detail}`,
    {
      ...(hint === undefined ? {} : { hint }),
      data: { status: answer.status, ...(violations === undefined ? {} : { violations }) },
    },
  )
}
