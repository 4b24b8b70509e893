import type { Protocol } from '../../mesh/snapshot.ts'

/** Where a workload's app reaches one port of a service: its sidecar's listener. */
export interface Reach {
  readonly service: string
  /** The port that callers dial. */
  readonly dialPort: number
  readonly protocol: Protocol
  readonly host: string
  readonly port: number
}

export interface AppSurroundings {
  readonly mesh: string
  readonly workload: string
  /** Where the app must listen: actual port by the document's targetPort, the first one is `PORT`. */
  readonly ports: ReadonlyMap<number, number>
  readonly reaches: readonly Reach[]
  readonly httpProxyUrl: string | undefined
  /** Also as `HTTP_PROXY`, for apps that call `http://payments.shop.internal/`. */
  readonly setHttpProxy: boolean
}

/** What speaks HTTP of any version is an `http` URL. */
export const urlOf = ({ protocol, host, port }: Reach): string =>
  `${protocol === 'tcp' ? 'tcp' : 'http'}://${host}:${port}`

/** The environment variables that `dev` gives to an app. */
export function appEnvironment(surroundings: AppSurroundings): Record<string, string> {
  const { mesh, workload, ports, reaches, httpProxyUrl, setHttpProxy } = surroundings
  const env: Record<string, string> = { SELVAGE_MESH: mesh, SELVAGE_WORKLOAD: workload }
  const [first] = ports.values()
  if (first !== undefined) env.PORT = String(first)
  for (const [targetPort, port] of ports) env[`PORT_${targetPort}`] = String(port)
  for (const reach of reaches) {
    const name = variableName(reach.service)
    // The first port of a service is its URL; every port has one of its own.
    env[`${name}_URL`] ??= urlOf(reach)
    env[`${name}_${reach.dialPort}_URL`] ??= urlOf(reach)
  }
  if (httpProxyUrl !== undefined) {
    env.SELVAGE_HTTP_PROXY = httpProxyUrl
    if (setHttpProxy) Object.assign(env, proxied(httpProxyUrl, reaches))
  }
  return env
}

/** What calls the sidecar directly must not be sent through it a second time. */
function proxied(url: string, reaches: readonly Reach[]): Record<string, string> {
  const direct = [...new Set(['127.0.0.1', 'localhost', ...reaches.map(({ host }) => host)])].join(',')
  return {
    HTTP_PROXY: url,
    http_proxy: url,
    NO_PROXY: direct,
    no_proxy: direct,
    // Node's own fetch and http.request look at these variables only when told to.
    NODE_USE_ENV_PROXY: '1',
  }
}

/** `pay.core` → `PAY_CORE`. */
const variableName = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9]/g, '_')
