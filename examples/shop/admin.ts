/** What a sidecar says about itself on its admin port. */
import { get } from 'node:http'

/** The parts of `GET /snapshot` that the demo looks at. */
export interface AdminSnapshot {
  readonly config: {
    readonly outbound: readonly {
      readonly service: string
      readonly routes: readonly {
        readonly targets: readonly { readonly workload?: string; readonly weight: number }[]
      }[]
    }[]
    readonly clusters: Readonly<Record<string, { readonly serverNames: Readonly<Record<string, string>> }>>
  }
  readonly endpoints: {
    readonly clusters: Readonly<
      Record<string, readonly { readonly address: string; readonly port: number }[]>
    >
  }
}

const TIMEOUT_MS = 5_000

function readAdmin(admin: URL, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = new URL(path, admin)
    const request = get(url, { signal: AbortSignal.timeout(TIMEOUT_MS) }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${url} was answered ${response.statusCode}: ${text}`))
      })
    })
    request.on('error', reject)
  })
}

export const snapshotOf = async (admin: URL): Promise<AdminSnapshot> =>
  JSON.parse(await readAdmin(admin, '/snapshot')) as AdminSnapshot

/** Retries of requests that never reached an app, and of those that broke before an answer. */
export interface Retries {
  readonly unsent: number
  readonly unanswered: number
}

export async function retriesOf(admin: URL): Promise<Retries> {
  const metrics = await readAdmin(admin, '/metrics')
  const sum = (retryClass: string): number =>
    [...metrics.matchAll(/^selvage_retries_total\{([^}]*)\} (\d+)$/gm)]
      .filter(([, labels]) => labels?.includes(`class="${retryClass}"`))
      .reduce((total, [, , value]) => total + Number(value), 0)
  return { unsent: sum('unsent'), unanswered: sum('unanswered') }
}

/** Share of v2 that a sidecar enforces for those who are not testers, in percent; undefined: no such split. */
export function enforcedPercent(snapshot: AdminSnapshot): number | undefined {
  const routes = snapshot.config.outbound.find(({ service }) => service === 'payments')?.routes ?? []
  const split = routes.find(({ targets }) => targets.length === 2)?.targets
  if (split === undefined) return undefined
  const sum = split.reduce((weights, { weight }) => weights + weight, 0)
  const v2 = split.find(({ workload }) => workload === 'payments/v2')?.weight ?? 0
  return (100 * v2) / sum
}
