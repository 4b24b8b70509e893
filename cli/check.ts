import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { z } from 'zod'
import { OPERATOR_FILE } from '../mesh/protocol.ts'
import { CommandError, reasonOf } from './command-error.ts'
import type { CommandFactory, Context } from './context.ts'
import { connect } from './remote/control-client.ts'
import { type AccessOptions, readAccess, withAccessOptions } from './remote/operator.ts'
import { readDevState, STATE_FOLDER } from './state.ts'
import type { Style } from './terminal/terminal.ts'

interface CheckOptions extends AccessOptions {
  readonly admin: readonly string[]
}

const findingSchema = z.object({
  name: z.string(),
  status: z.enum(['ok', 'warning', 'error']),
  message: z.string(),
  remedy: z.string().optional(),
})
type Finding = z.infer<typeof findingSchema>

/** What a proxy's `GET /check` answers. */
const reportSchema = z.object({ workload: z.string(), ok: z.boolean(), findings: z.array(findingSchema) })

interface Subject {
  /** `control plane`, or the workload of a proxy. */
  readonly subject: string
  readonly url: string
  readonly ok: boolean
  readonly findings: readonly Finding[]
}

const TIMEOUT_MS = 5_000

/** `selvage check`: asks the control plane and every local proxy how they are, and says what to mend. */
export const check: CommandFactory = context =>
  withAccessOptions(new Command('check'))
    .description('find what is wrong with the local proxies and their control plane, and how to mend it')
    .option(
      '--admin <url>',
      'admin address of a proxy, repeatable (default: those of "selvage dev")',
      collect,
      [],
    )
    .action((options: CheckOptions) => examine(context, options))

const collect = (value: string, before: readonly string[]): string[] => [...before, value]

async function examine(context: Context, options: CheckOptions): Promise<void> {
  const admins = adminUrls(context, options)
  const progress = context.terminal.progress(`Asking ${admins.length} proxies`)
  try {
    const control = hasControl(context, options) ? [checkControl(context, options)] : []
    const subjects = await Promise.all([...control, ...admins.map(checkProxy)])
    progress.done()
    const ok = subjects.every(subject => subject.ok)
    if (!ok) context.end('wrong')
    context.terminal.report({ ok, subjects }, style => render(subjects, style))
  } finally {
    progress.done()
  }
}

function adminUrls(context: Context, options: CheckOptions): readonly URL[] {
  if (options.admin.length > 0) return options.admin.map(parseAdmin)
  const folder = options.stateDir ?? STATE_FOLDER
  const state = readDevState(resolve(context.cwd, folder))
  if (state !== undefined) return state.proxies.map(({ admin }) => new URL(admin))
  throw new CommandError(
    'missing',
    `no "selvage dev" runs here (looked in ${folder}), so there is no proxy to ask`,
    {
      hint: 'Start "npx selvage dev", or name a proxy with --admin http://127.0.0.1:15000.',
    },
  )
}

function parseAdmin(text: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'http:') return url
  throw new CommandError('usage', `--admin: expected a URL such as http://127.0.0.1:15000, found "${text}"`)
}

const hasControl = (context: Context, { control, stateDir = STATE_FOLDER }: CheckOptions): boolean =>
  control !== undefined || existsSync(resolve(context.cwd, join(stateDir, OPERATOR_FILE)))

async function checkControl(context: Context, options: CheckOptions): Promise<Subject> {
  const access = readAccess(options, context.cwd)
  if (access.mesh === undefined)
    throw new CommandError('usage', 'check: --control needs --mesh, the name of the mesh')
  try {
    const client = await connect(access, access.mesh)
    const { mesh, revision } = await client.status()
    const message = `The control plane serves mesh "${mesh}" at revision ${revision}.`
    return subject('control plane', access.url, [{ name: 'control plane', status: 'ok', message }])
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const remedy =
      error.hint ?? 'Start it ("npx selvage dev"); traffic goes on meanwhile, with the last configuration.'
    return subject('control plane', access.url, [
      { name: 'control plane', status: 'error', message: `${error.message}.`, remedy },
    ])
  }
}

async function checkProxy(admin: URL): Promise<Subject> {
  try {
    const response = await fetch(new URL('/check', admin), { signal: AbortSignal.timeout(TIMEOUT_MS) })
    const report = reportSchema.parse(await response.json())
    return { subject: report.workload, url: admin.origin, ok: report.ok, findings: report.findings }
  } catch (error) {
    return subject('proxy', admin, [{ name: 'admin', status: 'error', ...unanswered(admin, error) }])
  }
}

function unanswered(admin: URL, error: unknown): Pick<Finding, 'message' | 'remedy'> {
  if (error instanceof z.ZodError || error instanceof SyntaxError) {
    return {
      message: `${admin.origin} does not answer as the admin address of a proxy.`,
      remedy: 'Name the admin address (SELVAGE_ADMIN_PORT) of a proxy of this version.',
    }
  }
  const reason = reasonOf(error instanceof Error && error.cause !== undefined ? error.cause : error)
  return {
    message: `The proxy at ${admin.origin} does not answer: ${reason}.`,
    remedy: 'Start it again; its log says why it ended.',
  }
}

const subject = (name: string, url: URL, findings: readonly Finding[]): Subject => ({
  subject: name,
  url: url.origin,
  ok: findings.every(({ status }) => status !== 'error'),
  findings,
})

const MARKS = {
  ok: { format: 'green', mark: '✓' },
  warning: { format: 'yellow', mark: '!' },
  error: { format: 'red', mark: '✗' },
} as const

function render(subjects: readonly Subject[], style: Style): string {
  const lines = subjects.flatMap(({ subject, url, findings }) => [
    `${style('bold', subject)} ${style('dim', url)}`,
    ...findings.flatMap(({ status, message, remedy }) => [
      `  ${style(MARKS[status].format, MARKS[status].mark)} ${message}`,
      ...(remedy === undefined ? [] : [style('dim', `    ${remedy}`)]),
    ]),
  ])
  const errors = subjects
    .flatMap(({ findings }) => findings)
    .filter(({ status }) => status === 'error').length
  const verdict = errors === 0 ? style('green', 'All is well.') : style('red', `${errors} to mend.`)
  return [...lines, '', verdict].join('\n')
}
