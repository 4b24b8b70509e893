import type { DevState } from '../state.ts'
import { type Style, table } from '../terminal/terminal.ts'
import { urlOf } from './environment.ts'
import type { Interception } from './interception.ts'
import type { Member } from './member.ts'

export interface OverviewInput {
  readonly mesh: string
  readonly controlUrl: string
  readonly interception: Interception
  readonly members: readonly Member[]
}

/** Where everything is, as data: what `--json` prints. */
export function overview({ mesh, controlUrl, interception, members }: OverviewInput) {
  return {
    ok: true,
    mesh,
    control: controlUrl,
    interception: interception.sentence,
    workloads: members.map(member => ({
      workload: member.instance.workload,
      instance: member.instance.id,
      app: [...member.appPorts].map(([targetPort, port]) => ({ targetPort, port })),
      command: member.instance.command,
      calls: member
        .reaches()
        .map(reach => ({ service: reach.service, port: reach.dialPort, url: urlOf(reach) })),
      httpProxy: member.sidecar.httpProxyUrl,
      admin: member.sidecar.adminUrl,
    })),
  }
}

/** The same for people. */
export function renderOverview(input: OverviewInput, style: Style): string {
  return [
    `mesh ${style('bold', input.mesh)}, control plane ${input.controlUrl}`,
    `interception ${input.interception.sentence}`,
    '',
    table(input.members.flatMap(member => rowsOf(member, style))),
    '',
    style('dim', 'Ctrl-C ends it. "npx selvage status" and "npx selvage check" say how it is.'),
  ].join('\n')
}

function rowsOf(member: Member, style: Style): string[][] {
  const { instance, sidecar, appPorts } = member
  const apps = [...appPorts.values()].map(port => [
    'app',
    `http://127.0.0.1:${port}`,
    instance.command ?? 'start your app there',
  ])
  const calls = member.reaches().map(reach => [`→ ${reach.service}`, urlOf(reach), ''])
  const proxy = sidecar.httpProxyUrl === undefined ? [] : [['http proxy', sidecar.httpProxyUrl, '']]
  const rows = [...apps, ...calls, ...proxy, ['admin', sidecar.adminUrl, '']]
  return rows.map(([what = '', where = '', note = ''], index) => [
    index === 0 ? style('bold', instance.label) : '',
    what,
    style('cyan', where),
    style('dim', note),
  ])
}

/** What the other commands find in the state folder. */
export const devState = ({ mesh, controlUrl, members }: OverviewInput): DevState => ({
  pid: process.pid,
  mesh,
  control: controlUrl,
  proxies: members.map(({ instance, sidecar }) => ({
    workload: instance.workload,
    instance: instance.id,
    admin: sidecar.adminUrl,
  })),
})
