import { Command, Option } from 'commander'
import { type Accepted, DEFAULT_FRAGMENT, type Plan } from '../mesh/protocol.ts'
import { CommandError } from './command-error.ts'
import type { CommandFactory, Context } from './context.ts'
import { type CheckedDocument, loadChecked } from './document/checked.ts'
import { type ControlClient, connect } from './remote/control-client.ts'
import { awaitEnforcement, type Enforcement } from './remote/enforcement.ts'
import { type AccessOptions, readAccess, withAccessOptions } from './remote/operator.ts'
import { renderPlan } from './remote/plan.ts'
import { count, type Style } from './terminal/terminal.ts'

interface ApplyOptions extends AccessOptions {
  readonly fragment: string
  readonly dryRun: boolean
  /** Seconds. */
  readonly wait: number
}

/** `selvage apply [file]`: plans, shows the difference, publishes, and waits until proxies enforce it. */
export const apply: CommandFactory = context =>
  withAccessOptions(new Command('apply'))
    .description('publish the document to a control plane')
    .argument('[file]', 'mesh document (default: mesh.ts, mesh.yaml, ...)')
    .option('--fragment <name>', 'fragment of the mesh that this document is', DEFAULT_FRAGMENT)
    .option('--dry-run', 'show what would change and change nothing', false)
    .addOption(
      new Option('--wait <seconds>', 'how long to wait until every proxy enforces it; 0: not at all')
        .default(30)
        .argParser(seconds),
    )
    .action((file: string | undefined, options: ApplyOptions) => publish(context, file, options))

const MAX_WAIT_S = 3_600

function seconds(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= MAX_WAIT_S) return value
  throw new CommandError(
    'usage',
    `--wait: expected a number of seconds from 0 to ${MAX_WAIT_S}, found "${text}"`,
  )
}

async function publish(context: Context, file: string | undefined, options: ApplyOptions): Promise<void> {
  const { terminal } = context
  const progress = terminal.progress(`Loading ${file ?? 'the document'}`)
  try {
    const document = await loadChecked(file, context.cwd)
    const access = readAccess(options, context.cwd)
    const mesh = nameOf(document, access.mesh)
    progress.update(`Planning with ${access.url.origin}`)
    const client = await connect(access, mesh)
    const revision = await revisionOf(client, options.fragment)
    const plan = await client.plan(options.fragment, document.value)
    assertAcceptable(plan, document)
    if (options.dryRun) {
      progress.done()
      terminal.report({ ok: true, dryRun: true, plan }, style => renderPlan(plan, style))
      return
    }
    progress.update('Publishing')
    const accepted = await client.put(options.fragment, document.value, revision)
    progress.update('Waiting until every proxy enforces it')
    const enforcement =
      options.wait === 0
        ? undefined
        : await awaitEnforcement(context, client, accepted.revision, options.wait * 1_000)
    progress.done()
    report(context, { plan, accepted, enforcement })
  } finally {
    progress.done()
  }
}

function nameOf(document: CheckedDocument, expected: string | undefined): string {
  const { name } = document.value
  if (expected === undefined || expected === name) return name
  throw new CommandError(
    'wrong',
    `${document.name} is the mesh "${name}", and the control plane's is "${expected}"`,
  )
}

/** Revision of the fragment as it is; undefined: it is not there yet. */
async function revisionOf(client: ControlClient, fragment: string): Promise<number | undefined> {
  const { fragments } = await client.fragments()
  return fragments.find(each => each.fragment === fragment)?.revision
}

function assertAcceptable(plan: Plan, document: CheckedDocument): void {
  if (plan.violations.length === 0) return
  throw new CommandError(
    'wrong',
    `${document.name} does not fit the mesh: ${count(plan.violations.length, 'violation')}\n${lines(plan.violations)}`,
    {
      data: { violations: plan.violations },
    },
  )
}

const lines = (violations: Plan['violations']): string =>
  violations.map(({ path, message }) => `  ${path}: ${message}`).join('\n')

interface Outcome {
  readonly plan: Plan
  readonly accepted: Accepted
  readonly enforcement: Enforcement | undefined
}

function report(context: Context, outcome: Outcome): void {
  const { plan, accepted, enforcement } = outcome
  const late = enforcement?.lagging ?? []
  if (late.length > 0) context.end('late')
  context.terminal.report(
    { ok: late.length === 0, plan, accepted, ...(enforcement === undefined ? {} : { enforcement }) },
    style => [renderPlan(plan, style), '', sentence(accepted, enforcement, style)].join('\n'),
  )
}

function sentence(accepted: Accepted, enforcement: Enforcement | undefined, style: Style): string {
  const what = accepted.changed
    ? `revision ${accepted.revision} accepted`
    : `revision ${accepted.revision} has it already`
  if (enforcement === undefined) return `${style('green', '✓')} ${what}`
  if (enforcement.proxies === 0)
    return `${style('green', '✓')} ${what}; no sidecar is there yet to enforce it`
  const took = `${Math.round(enforcement.tookMs)} ms`
  if (enforcement.lagging.length === 0) {
    return `${style('green', '✓')} ${what}; enforced by ${count(enforcement.proxies, 'sidecar')} after ${took}`
  }
  return [
    `${style('yellow', '!')} ${what}; after ${took} ${count(enforcement.lagging.length, 'sidecar')} of ${enforcement.proxies} still lagged:`,
    ...enforcement.lagging.map(
      ({ workload, id, refused }) =>
        `  ${workload} ${id}${refused === undefined ? '' : `: refused it: ${refused}`}`,
    ),
  ].join('\n')
}
