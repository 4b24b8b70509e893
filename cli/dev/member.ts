import type { ControlPlane } from '../../control/index.ts'
import type { Context } from '../context.ts'
import { type App, type AppEvent, startApp } from './app.ts'
import { appEnvironment, type Reach } from './environment.ts'
import type { Instance } from './instances.ts'
import type { Interception } from './interception.ts'
import type { Journal } from './journal.ts'
import { portPicker } from './port.ts'
import { type Sidecar, startSidecar } from './sidecar.ts'

/** One instance as it runs: its sidecar, and its app when `dev` starts that. */
export interface Member {
  readonly instance: Instance
  readonly sidecar: Sidecar
  /** Actual port of the app by the document's targetPort. */
  readonly appPorts: ReadonlyMap<number, number>
  /** `refresh` was called. */
  readonly started: boolean
  /** Services that it may call now, and where. */
  reaches(): readonly Reach[]
  /** Starts the app, or starts it again when what it may call has changed; the sidecar has to be ready. */
  refresh(): Promise<void>
  stopApp(): Promise<void>
}

export interface MemberOptions {
  readonly context: Context
  readonly mesh: string
  readonly control: ControlPlane
  /** Where commands run. */
  readonly folder: string
  readonly journal: Journal
  readonly interception: Interception
  /** Set HTTP_PROXY for the app. */
  readonly setHttpProxy: boolean
}

/** Starts members whose sidecars are ready when the promise resolves; their apps wait for `refresh`. */
export function memberStarter(options: MemberOptions): (instance: Instance) => Promise<Member> {
  const ports = portPicker()
  return async instance => {
    const appPorts = new Map<number, number>()
    for (const targetPort of instance.targetPorts)
      appPorts.set(targetPort, await appPort(instance, targetPort))
    const { control, mesh, interception, journal, context } = options
    const sidecar = await startSidecar({
      mesh,
      instance,
      controlUrl: control.url,
      joinToken: await control.issueJoinToken(instance.workload),
      appPorts,
      interception: interception.loopbackFor === instance.id ? 'loopback' : 'explicit',
      write: journal.speaker(instance.label),
      verbose: context.terminal.verbose,
    })
    return createMember(options, instance, sidecar, appPorts)
  }

  /** An app that the person starts listens where the document says; with a command we choose, and tell it. */
  async function appPort(instance: Instance, targetPort: number): Promise<number> {
    const fixed = instance.command === undefined && instance.number === 1
    return fixed ? targetPort : ports.pick(targetPort)
  }
}

function createMember(
  options: MemberOptions,
  instance: Instance,
  sidecar: Sidecar,
  appPorts: ReadonlyMap<number, number>,
): Member {
  let app: App | undefined
  let given = ''
  let started = false
  return {
    instance,
    get started() {
      return started
    },
    sidecar,
    appPorts,
    reaches: () => sidecar.reaches(),
    async refresh() {
      started = true
      if (instance.command === undefined) return
      const env = appEnvironment({
        mesh: options.mesh,
        workload: instance.workload,
        ports: appPorts,
        reaches: sidecar.reaches(),
        httpProxyUrl: sidecar.httpProxyUrl,
        setHttpProxy: options.setHttpProxy,
      })
      const asked = JSON.stringify(env)
      if (asked === given) return
      given = asked
      const whole = { ...options.context.env, ...env }
      if (app === undefined) {
        app = startCommand(options, instance, instance.command, whole)
        return
      }
      options.journal.say(`${instance.label}: started again, because what it may call has changed`)
      await app.restart(whole)
    },
    async stopApp() {
      await app?.stop()
    },
  }
}

function startCommand(
  { context, folder, journal }: MemberOptions,
  { label }: Instance,
  command: string,
  env: Readonly<Record<string, string | undefined>>,
): App {
  return startApp({
    command,
    cwd: folder,
    env,
    clock: context.clock,
    onLine: journal.speaker(label),
    onEvent: event => {
      const news = newsOf(event)
      if (news !== undefined) journal.say(`${label}: "${command}" ${news}`)
    },
  })
}

/** From this end in a row on, the app is one that does not stay up. */
const TELLING = 3
/** Until then every end is said; afterwards the app's own words, which come again each time, are enough. */
const LAST_SAID = 6

function newsOf(event: AppEvent): string | undefined {
  if (event.kind === 'unstartable') return `cannot be started: ${event.reason}`
  const { how, inARow } = event
  const restartInS = event.restartInMs / 1000
  if (inARow < TELLING) return `ended (${how}); it is started again in ${restartInS} s`
  const failing = `does not stay up: ${how}, ${inARow} times in a row`
  if (inARow < LAST_SAID) return `${failing}; the next try is in ${restartInS} s, and later each time`
  return inARow === LAST_SAID ? `${failing}; it is tried every ${restartInS} s until it stays up` : undefined
}
