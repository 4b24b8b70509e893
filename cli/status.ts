import { Command } from 'commander'
import type { ProxyStatus, Status } from '../mesh/protocol.ts'
import { CommandError } from './command-error.ts'
import type { CommandFactory, Context } from './context.ts'
import { connect } from './remote/control-client.ts'
import { type AccessOptions, readAccess, withAccessOptions } from './remote/operator.ts'
import { count, type Style, table } from './terminal/terminal.ts'

/** `selvage status`: every proxy, what it enforces, its lease and its certificate. */
export const status: CommandFactory = context =>
  withAccessOptions(new Command('status'))
    .description('show every proxy: config enforced and wanted, lease, certificate')
    .action((options: AccessOptions) => show(context, options))

async function show(context: Context, options: AccessOptions): Promise<void> {
  const access = readAccess(options, context.cwd)
  if (access.mesh === undefined)
    throw new CommandError('usage', 'status: --control needs --mesh, the name of the mesh')
  const progress = context.terminal.progress(`Asking ${access.url.origin}`)
  try {
    const client = await connect(access, access.mesh)
    const value = await client.status()
    progress.done()
    context.terminal.report({ ok: true, ...value }, style => render(value, style))
  } finally {
    progress.done()
  }
}

function render(value: Status, style: Style): string {
  const atMs = Date.parse(value.at)
  const rows = value.workloads.flatMap(({ workload, proxies }) =>
    proxies.length === 0
      ? [[style('bold', workload), style('dim', 'no proxy')]]
      : proxies.map(proxy => [
          style('bold', workload),
          proxy.id,
          address(proxy),
          ...facts(proxy, atMs, style),
        ]),
  )
  const header = ['workload', 'proxy', 'address', 'state', 'config', 'lease', 'certificate'].map(text =>
    style('dim', text),
  )
  const proxies = value.workloads.flatMap(workload => workload.proxies)
  const inSync = proxies.filter(proxy => proxy.inSync).length
  return [
    `mesh ${style('bold', value.mesh)}, revision ${value.revision}: ${count(proxies.length, 'proxy', 'proxies')}, ${inSync} in sync`,
    '',
    table([header, ...rows]),
    ...proxies.flatMap(proxy =>
      proxy.refused === undefined
        ? []
        : [style('red', `${proxy.id} refused its configuration: ${proxy.refused}`)],
    ),
  ].join('\n')
}

const address = (proxy: ProxyStatus): string =>
  proxy.address === undefined ? '-' : `${proxy.address}:${proxy.port}`

function facts(proxy: ProxyStatus, atMs: number, style: Style): string[] {
  return [
    stateOf(proxy, style),
    configOf(proxy, style),
    until(proxy.leaseEndsAt, atMs, style),
    until(proxy.certificateNotAfter, atMs, style),
  ]
}

function stateOf(proxy: ProxyStatus, style: Style): string {
  if (proxy.health === 'draining') return style('yellow', 'draining')
  if (proxy.ready === undefined) return style('dim', 'not heard of')
  return proxy.ready ? style('green', 'ready') : style('red', 'not ready')
}

function configOf(proxy: ProxyStatus, style: Style): string {
  if (proxy.refused !== undefined) return style('red', 'refused')
  if (proxy.config === undefined) return style('dim', '-')
  return proxy.inSync ? style('green', 'in sync') : style('yellow', 'behind')
}

function until(at: string | undefined, nowMs: number, style: Style): string {
  if (at === undefined) return style('dim', '-')
  const leftMs = Date.parse(at) - nowMs
  return leftMs <= 0 ? style('red', 'expired') : inWords(leftMs)
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
]

function inWords(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= 2 * each) ?? ['s', 1_000]
  return `${Math.floor(ms / size)} ${unit}`
}
