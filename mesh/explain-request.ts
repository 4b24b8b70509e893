/** The request that is explained, read from how people write it. */
import type { RequestView } from './match.ts'
import { oneOfNames, suggestion } from './nearest.ts'
import { normalisePath } from './normalise-path.ts'
import type { ResolvedMesh, ResolvedService } from './resolve.ts'
import type { Protocol } from './snapshot.ts'
import { quote } from './violation.ts'

/** A request as people write it. */
export interface ExplainRequest<Service extends string = string, Name extends string = string> {
  /** The service that is dialled. */
  readonly service: Service
  /** Default GET. */
  readonly method?: string | undefined
  /** With or without a query. Default /. */
  readonly path?: string | undefined
  /** Without `?`; instead of a query in `path`. */
  readonly query?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Host header, with or without port. Default: the service's own name. */
  readonly host?: string | undefined
  /** Dial port. Default: the service's first. */
  readonly port?: number | undefined
  /** Default http. */
  readonly scheme?: 'http' | 'https' | undefined
  /** The workload that calls, or a service with one workload. Absent: a caller without a proven identity. */
  readonly source?: Name | undefined
}

/** The request with its defaults, as it is matched. */
export interface ExplainedRequest {
  readonly service: string
  readonly protocol: Protocol
  readonly method: string
  /** As it came. */
  readonly path: string
  /** As matched and forwarded; undefined: it is refused. */
  readonly normalisedPath: string | undefined
  readonly query: string
  readonly host: string
  readonly port: number
  readonly scheme: 'http' | 'https'
  readonly source: string | undefined
}

/** A name in the request that the mesh does not have. */
export class UnknownName extends Error {
  constructor(field: string, found: string, valid: Iterable<string>) {
    const names = [...valid]
    super(`${field}: found ${quote(found)}, expected ${oneOfNames(names)}${suggestion(found, names)}`)
    this.name = 'UnknownName'
  }
}

/** @throws UnknownName */
export function readRequest(
  mesh: ResolvedMesh,
  service: ResolvedService,
  asked: ExplainRequest,
): { readonly request: ExplainedRequest; readonly view: RequestView } {
  const [path = '/', inPath = ''] = splitOnce(asked.path ?? '/', '?')
  const port =
    asked.port === undefined ? service.ports[0] : service.ports.find(one => one.port === asked.port)
  if (port === undefined)
    throw new UnknownName(
      'port',
      String(asked.port),
      service.ports.map(one => String(one.port)),
    )
  const headers = new Map(
    Object.entries(asked.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const request: ExplainedRequest = {
    service: service.name,
    protocol: port.protocol,
    method: asked.method ?? 'GET',
    path,
    normalisedPath: normalisePath(path, mesh.normalise),
    query: asked.query ?? inPath,
    host: hostOf(asked.host ?? headers.get('host') ?? service.hosts[0]!),
    port: port.port,
    scheme: asked.scheme ?? 'http',
    source: sourceOf(mesh, asked.source),
  }
  const view = {
    ...request,
    path: request.normalisedPath ?? path,
    header: (name: string) => headers.get(name),
  }
  return { request, view }
}

const splitOnce = (text: string, separator: string): readonly string[] => {
  const at = text.indexOf(separator)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

const hostOf = (authority: string): string => authority.toLowerCase().replace(/:[0-9]*$/, '')

function sourceOf(mesh: ResolvedMesh, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const behind = mesh.services.get(name)?.workloads
  if (behind?.length === 1) return behind[0]
  if (behind !== undefined) throw new UnknownName('source', name, behind)
  if (mesh.workloads.has(name)) return name
  throw new UnknownName('source', name, new Set([...mesh.services.keys(), ...mesh.workloads.keys()]))
}
