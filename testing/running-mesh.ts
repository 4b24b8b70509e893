import { isDeepStrictEqual } from 'node:util'
import type { ControlPlane } from '../control/index.ts'
import type { Clock, Random } from '../mesh/clock.ts'
import { compileSnapshot } from '../mesh/compile.ts'
import type { MeshDocumentInput } from '../mesh/document.ts'
import { type ResolvedMesh, resolve } from '../mesh/resolve.ts'
import { type App, serveApp } from './app.ts'
import { patience } from './patience.ts'
import { startSidecar, type TestSidecar } from './sidecar.ts'

export interface RunningMeshOptions {
  readonly control: ControlPlane
  readonly clock: Clock | undefined
  readonly random: Random | undefined
}

/** By workload; a list gives it an endpoint for each. */
export type Apps = Readonly<Record<string, App | readonly App[] | undefined>>

/** The sidecars of a test mesh, kept in step with its document. */
export class RunningMesh {
  private readonly options: RunningMeshOptions
  /** Apps by workload, one for each endpoint. */
  private readonly apps = new Map<string, readonly App[]>()
  private sidecars: readonly TestSidecar[] = []
  private mesh: ResolvedMesh | undefined
  private started = 0

  constructor(options: RunningMeshOptions) {
    this.options = options
  }

  /**
   * Publishes a valid document; resolves when every sidecar enforces it and knows every endpoint.
   *
   * @param apps of workloads that are new in this document
   */
  async apply(document: MeshDocumentInput, apps: Apps = {}): Promise<void> {
    const { control, clock } = this.options
    const mesh = resolve(document)
    this.take(apps, mesh)
    const { addresses } = await control.apply(document)
    this.mesh = mesh
    await this.leave(this.sidecars.filter(({ workload }) => !mesh.workloads.has(workload)))
    const running = new Set(this.sidecars.map(({ workload }) => workload))
    const missing = [...mesh.workloads.keys()].filter(workload => !running.has(workload))
    await Promise.all(missing.map(workload => this.begin(mesh, workload)))
    const known = new Map(Object.entries(addresses))
    await patience(clock, 'every sidecar enforces the document', () =>
      this.sidecars.every(sidecar => enforces(sidecar, mesh, known)),
    )
    await patience(clock, 'every sidecar knows every endpoint', () =>
      this.sidecars.every(sidecar => this.knowsEndpoints(sidecar)),
    )
  }

  /** Where the first sidecar of a workload takes calls to a service. */
  urlOf(service: string, from: string, port: number | undefined): string {
    const sidecar = this.sidecars.find(({ workload }) => workload === from)
    if (sidecar === undefined) throw unknown('workload', from, this.mesh?.workloads.keys() ?? [])
    const { outbound } = sidecar.proxy.addresses
    const found = Object.entries(outbound).find(
      ([name]) => name === `${service}:${port ?? this.firstPortOf(service)}`,
    )
    if (found === undefined) throw unknown(`service that ${from} calls`, service, Object.keys(outbound))
    return `http://${found[1]}`
  }

  async stop(): Promise<void> {
    await this.leave(this.sidecars)
    await this.options.control.stop()
  }

  private firstPortOf(service: string): number | undefined {
    return this.mesh?.services.get(service)?.ports[0]?.port
  }

  private take(apps: Apps, mesh: ResolvedMesh): void {
    for (const [workload, app] of Object.entries(apps)) {
      if (app === undefined) continue
      if (!mesh.workloads.has(workload)) throw unknown('workload', workload, mesh.workloads.keys())
      this.apps.set(workload, isList(app) ? app : [app])
    }
  }

  /** A sidecar for each of the workload's apps; for a workload without one, a sidecar that only calls. */
  private async begin(mesh: ResolvedMesh, workload: string): Promise<void> {
    const apps = this.apps.get(workload) ?? [undefined]
    await Promise.all(apps.map(app => this.beginOne(mesh, workload, app)))
  }

  private async beginOne(mesh: ResolvedMesh, workload: string, app: App | undefined): Promise<void> {
    const { control, clock, random } = this.options
    const services = mesh.workloads.get(workload)?.services ?? []
    const ports = services.flatMap(service => mesh.services.get(service)?.ports ?? [])
    const sidecar = await startSidecar({
      mesh: mesh.name,
      workload,
      instance: `${workload.replaceAll('/', '.')}-${++this.started}`,
      targetPorts: [...new Set(ports.map(({ targetPort }) => targetPort))],
      app: app === undefined ? undefined : await serveApp(app),
      controlUrl: control.url,
      joinToken: await control.issueJoinToken(workload),
      clock,
      random,
    })
    // At once, so that `stop` ends it even when another one cannot start.
    this.sidecars = [...this.sidecars, sidecar]
  }

  private async leave(leaving: readonly TestSidecar[]): Promise<void> {
    this.sidecars = this.sidecars.filter(sidecar => !leaving.includes(sidecar))
    await Promise.all(leaving.map(({ proxy }) => proxy.stop()))
    await Promise.all(leaving.map(({ app }) => app?.close()))
  }

  private knowsEndpoints({ proxy }: TestSidecar): boolean {
    const snapshot = proxy.snapshot()
    if (snapshot === undefined) return false
    return Object.keys(snapshot.config.clusters).every(workload => {
      const serving = this.sidecars.filter(each => each.workload === workload && each.app !== undefined)
      return (snapshot.endpoints.clusters[workload] ?? []).length === serving.length
    })
  }
}

function enforces(
  { proxy, workload }: TestSidecar,
  mesh: ResolvedMesh,
  addresses: ReadonlyMap<string, string>,
): boolean {
  const wanted: unknown = JSON.parse(JSON.stringify(compileSnapshot(mesh, workload, { addresses })))
  return isDeepStrictEqual(plain(proxy.snapshot()?.config), wanted)
}

/** As it travelled. */
const plain = (value: unknown): unknown =>
  value === undefined ? undefined : JSON.parse(JSON.stringify(value))

function unknown(what: string, found: string, valid: Iterable<string>): Error {
  return new Error(`found no ${what} "${found}", expected one of ${[...valid].join(', ') || 'none'}`)
}

const isList = (app: App | readonly App[]): app is readonly App[] => Array.isArray(app)
