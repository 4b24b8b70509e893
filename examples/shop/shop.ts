/** The running shop: a control plane, seven apps and seven sidecars, each a process of its own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { snapshotOf } from './admin.ts'
import { waitFor } from './clock.ts'
import { type ControlApi, openControlApi } from './control-api.ts'
import { INSTANCES, type Instance } from './instances.ts'
import { whyNotLoopback } from './loopback.ts'
import { Member } from './member.ts'
import mesh from './mesh.ts'
import { Fleet, type Process } from './processes.ts'

const CONTROL_PLANE = new URL('../../control/main.ts', import.meta.url)
const START_MS = 40_000

/** By service. */
type Addresses = Readonly<Record<string, string>>
type Progress = (text: string) => void

export class Shop {
  readonly fleet = new Fleet()
  readonly folder = mkdtempSync(join(tmpdir(), 'selvage-shop-'))
  private readonly membersByName = new Map<string, Member>()
  private controlProcess: Process | undefined
  private api: ControlApi | undefined
  /** How calls get into the sidecars, in words. */
  interception = ''

  get control(): ControlApi {
    if (this.api === undefined) throw new Error('the control plane was not started')
    return this.api
  }

  get members(): readonly Member[] {
    return [...this.membersByName.values()]
  }

  member(name: string): Member {
    const member = this.membersByName.get(name)
    if (member === undefined) throw new Error(`there is no ${name} in the shop`)
    return member
  }

  /** Starts everything and returns when every sidecar is ready; tells of its progress. */
  async open(progress: Progress): Promise<void> {
    progress('starting the control plane')
    await this.startControl()
    this.api = await openControlApi(join(this.controlFolder, 'operator.json'))
    const { addresses } = await this.control.publish(mesh)
    const loopback = await this.chooseInterception(addresses)
    progress(this.interception)
    progress(`starting ${INSTANCES.length} apps and their sidecars`)
    await Promise.all(
      INSTANCES.map(instance =>
        // The loopback addresses of a host belong to one sidecar: whoever comes second gets local ports.
        instance.name === 'web' && loopback !== undefined
          ? this.startOnLoopback(instance, loopback, progress)
          : this.start(instance, undefined),
      ),
    )
    progress('waiting until they know each other')
    await Promise.all(this.members.map(member => this.knowsEverybody(member)))
  }

  private async start(instance: Instance, loopback: Addresses | undefined): Promise<void> {
    const { fleet, folder, control } = this
    const member = await Member.create({ instance, fleet, folder, control, loopback })
    this.membersByName.set(instance.name, member)
    await Promise.all([member.startApp(), member.startSidecar()])
    await member.sidecarReady()
  }

  /** Somebody may have taken the addresses since they were tried: then local ports, too. */
  private async startOnLoopback(instance: Instance, loopback: Addresses, say: Progress): Promise<void> {
    try {
      await this.start(instance, loopback)
    } catch (error) {
      const member = this.member(instance.name)
      const refused = member.sidecarEvents.find(({ event }) => event === 'listener-failed')
      if (refused === undefined) throw error
      await member.kill()
      this.explicitBecause(String(refused.reason))
      say(this.interception)
      await this.start(instance, undefined)
    }
  }

  /** A sidecar that is ready announces itself; its callers learn of it a moment later. */
  private async knowsEverybody(caller: Member): Promise<void> {
    if (caller.instance.calls.length === 0) return
    const wanted = INSTANCES.filter(({ app }) => caller.instance.calls.includes(app)).length
    await waitFor(`sidecar of ${caller.instance.name}: to know ${wanted} endpoints`, START_MS, async () => {
      const { endpoints } = await snapshotOf(caller.adminUrl)
      return Object.values(endpoints.clusters).flat().length >= wanted
    })
  }

  async startControl(): Promise<void> {
    mkdirSync(this.controlFolder, { recursive: true, mode: 0o700 })
    this.controlProcess = this.fleet.start({
      name: 'control plane',
      script: CONTROL_PLANE,
      env: {
        SELVAGE_MESH: 'shop',
        SELVAGE_STATE_DIR: this.controlFolder,
        SELVAGE_CONTROL_ADDRESS: this.api === undefined ? '127.0.0.1:0' : new URL(this.api.url).host,
      },
    })
    await this.controlProcess.event('listening', START_MS)
  }

  async killControl(): Promise<void> {
    await this.controlProcess?.kill()
  }

  /** Ends every process, waits until they are gone, and removes every file; never throws. */
  async close(): Promise<void> {
    await this.fleet.killAll().catch(() => undefined)
    this.closeNow()
  }

  /** Ends every process and removes every file; in the last moments of this process, so without waiting. */
  closeNow(): void {
    this.fleet.killAllNow()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  get controlFolder(): string {
    return join(this.folder, 'control')
  }

  private async chooseInterception(addresses: Addresses): Promise<Addresses | undefined> {
    const called = Object.fromEntries(Object.entries(addresses).filter(([service]) => service !== 'web'))
    const list = Object.values(called)
    const whyNot = await whyNotLoopback(list)
    if (whyNot !== undefined) {
      this.explicitBecause(whyNot)
      return undefined
    }
    this.interception = `interception: loopback for web (${list.join(', ')}), explicit local ports for orders:\n    the loopback addresses of one host can serve one sidecar only`
    return called
  }

  private explicitBecause(reason: string): void {
    this.interception = `interception: explicit local ports, because loopback is not possible here:\n    ${reason}`
  }
}
