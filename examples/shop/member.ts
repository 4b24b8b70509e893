/** One app and the sidecar beside it: started, killed and started again, each by itself. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ControlApi } from './control-api.ts'
import type { Instance } from './instances.ts'
import { freePort } from './ports.ts'
import type { Fleet, Process } from './processes.ts'

const SIDECAR = new URL('../../proxy/main.ts', import.meta.url)
const START_MS = 40_000
const DIAL_PORT = 80

export interface MemberOptions {
  readonly instance: Instance
  readonly fleet: Fleet
  readonly control: ControlApi
  /** Folder for what is only of this run. */
  readonly folder: string
  /** Loopback addresses of the services, for a sidecar that may bind them; undefined: a local port per service. */
  readonly loopback: Readonly<Record<string, string>> | undefined
}

/** How the app reaches one service. */
interface Way {
  readonly url: string
  /** Undefined: the sidecar listens on the service's own address. */
  readonly port: number | undefined
}

export class Member {
  readonly instance: Instance
  readonly appPort: number
  readonly ways: ReadonlyMap<string, Way>
  private readonly options: MemberOptions
  private app: Process | undefined
  private sidecar: Process | undefined
  private sidecarStarts = 0
  private adminPort = 0

  /** Settles the ports, so that both halves can come back to where they were. */
  static async create(options: MemberOptions): Promise<Member> {
    const ways = new Map<string, Way>()
    for (const service of options.instance.calls) ways.set(service, await wayTo(service, options))
    return new Member(options, await freePort(), ways)
  }

  private constructor(options: MemberOptions, appPort: number, ways: ReadonlyMap<string, Way>) {
    this.instance = options.instance
    this.options = options
    this.appPort = appPort
    this.ways = ways
  }

  get appUrl(): URL {
    return new URL(`http://127.0.0.1:${this.appPort}`)
  }

  /** Admin endpoints of the sidecar. */
  get adminUrl(): URL {
    return new URL(`http://127.0.0.1:${this.adminPort}`)
  }

  /** What the sidecar logged and announced since it was last started. */
  get sidecarEvents(): Process['events'] {
    return this.sidecar?.events ?? []
  }

  async startApp(): Promise<void> {
    const { name, app, workload, calls } = this.instance
    const urls = calls.map(service => [`${service.toUpperCase()}_URL`, this.ways.get(service)!.url])
    this.app = this.options.fleet.start({
      name: `app ${name}`,
      script: new URL(`apps/${app}.ts`, import.meta.url),
      env: {
        PORT: String(this.appPort),
        INSTANCE: name,
        VERSION: workload.split('/')[1] ?? 'v1',
        RECEIPTS: this.receiptsFile,
        ...Object.fromEntries(urls),
      },
    })
    await this.app.event('listening', START_MS)
  }

  async startSidecar(): Promise<void> {
    this.sidecarStarts++
    const { name } = this.instance
    this.sidecar = this.options.fleet.start({
      name: `sidecar of ${name}`,
      script: SIDECAR,
      env: await this.sidecarEnvironment(),
    })
    const { admin } = await this.sidecar.event('listening', START_MS)
    this.adminPort = portOf(admin)
  }

  async sidecarReady(): Promise<void> {
    await this.sidecar?.event('ready', START_MS)
  }

  async kill(): Promise<void> {
    await Promise.all([this.killApp(), this.killSidecar()])
  }

  async killApp(): Promise<void> {
    await this.app?.kill()
  }

  async killSidecar(): Promise<void> {
    await this.sidecar?.kill()
  }

  /** Ids of the requests that changed something, as the app wrote them down when they arrived. */
  receipts(method: string): string[] {
    return readFileSync(this.receiptsFile, { encoding: 'utf8', flag: 'a+' })
      .split('\n')
      .filter(line => line.startsWith(`${method} `))
      .map(line => line.slice(line.lastIndexOf('/') + 1))
  }

  private get receiptsFile(): string {
    return join(this.options.folder, `${this.instance.name}.receipts`)
  }

  private async sidecarEnvironment(): Promise<Record<string, string>> {
    const { control, folder, loopback } = this.options
    const { name, workload, targetPort } = this.instance
    // A sidecar that comes back is a new endpoint, as a new task is: it proves itself with a token of its own.
    const state = join(folder, `${name}-${this.sidecarStarts}`)
    mkdirSync(state, { recursive: true, mode: 0o700 })
    const token = join(state, 'join-token')
    writeFileSync(token, await control.joinToken(workload), { mode: 0o600 })
    const explicit = [...this.ways].filter(([, way]) => way.port !== undefined)
    return {
      SELVAGE_MESH: 'shop',
      SELVAGE_WORKLOAD: workload,
      SELVAGE_CONTROL_URL: control.url,
      SELVAGE_JOIN_TOKEN_FILE: token,
      SELVAGE_STATE_DIR: state,
      SELVAGE_INSTANCE: this.sidecarStarts === 1 ? name : `${name}-${this.sidecarStarts}`,
      SELVAGE_INBOUND_ADDRESS: '127.0.0.1:0',
      SELVAGE_ADMIN_PORT: '0',
      SELVAGE_HEALTH_ADDRESS: '127.0.0.1:0',
      SELVAGE_INTERCEPTION: loopback === undefined ? 'explicit' : 'loopback',
      SELVAGE_EXPLICIT_PORTS: explicit
        .map(([service, way]) => `${service}:${DIAL_PORT}=${way.port}`)
        .join(','),
      SELVAGE_APP_PORTS: `${targetPort}=${this.appPort}`,
    }
  }
}

async function wayTo(service: string, { loopback }: MemberOptions): Promise<Way> {
  const address = loopback?.[service]
  if (address !== undefined) return { url: `http://${address}`, port: undefined }
  const port = await freePort()
  return { url: `http://127.0.0.1:${port}`, port }
}

/** Of `127.0.0.1:15000`, or a bare number. */
const portOf = (address: unknown): number => Number(String(address).split(':').at(-1))
