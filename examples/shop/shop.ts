/** The running shop: a control plane, seven apps and seven sidecars, each a process of its own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { snapshotOf } from './admin.ts'
import { waitFor } from './clock.ts'
import { type ControlApi, openControlApi } from './control-api.ts'
import { INSTANCES } from './instances.ts'
import { whyNotLoopback } from './loopback.ts'
import { Member } from './member.ts'
import mesh from './mesh.ts'
import { Fleet, type Process } from './processes.ts'

const CONTROL_PLANE = new URL('../../control/main.ts', import.meta.url)
const START_MS = 20_000

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
  async open(progress: (text: string) => void): Promise<void> {
    progress('starting the control plane')
    await this.startControl()
    this.api = await openControlApi(join(this.controlFolder, 'operator.json'))
    const { addresses } = await this.control.publish(mesh)
    const loopback = await this.chooseInterception(addresses)
    progress(this.interception)
    progress(`starting ${INSTANCES.length} apps and their sidecars`)
    for (const instance of INSTANCES) {
      const { fleet, folder, control } = this
      // The loopback addresses of a host belong to one sidecar: whoever comes second gets local ports.
      const mayUseLoopback = instance.name === 'web' ? loopback : undefined
      const member = await Member.create({ instance, fleet, folder, control, loopback: mayUseLoopback })
      this.membersByName.set(instance.name, member)
    }
    await Promise.all(this.members.flatMap(member => [member.startApp(), member.startSidecar()]))
    await Promise.all(this.members.map(member => member.sidecarReady()))
    progress('waiting until they know each other')
    await Promise.all(this.members.map(member => this.knowsEverybody(member)))
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

  /** Ends every process and removes every file; in the last moments of this process, so without waiting. */
  closeNow(): void {
    this.fleet.killAllNow()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  get controlFolder(): string {
    return join(this.folder, 'control')
  }

  private async chooseInterception(
    addresses: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>> | undefined> {
    const called = Object.fromEntries(Object.entries(addresses).filter(([service]) => service !== 'web'))
    const whyNot = await whyNotLoopback(Object.values(called))
    this.interception =
      whyNot === undefined
        ? `interception: loopback for web (${Object.values(called).join(', ')}), explicit local ports for orders:\n    the loopback addresses of one host can serve one sidecar only`
        : `interception: explicit local ports, because loopback is not possible here:\n    ${whyNot}`
    return whyNot === undefined ? called : undefined
  }
}
