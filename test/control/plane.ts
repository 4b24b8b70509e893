/** A control plane without sockets: the app, a clock moved by hand, and callers of every kind. */
import { X509Certificate } from 'node:crypto'
import { type DestinationStream, pino } from 'pino'
import { createApp } from '../../control/app.ts'
import { embeddedAuthority } from '../../control/authority/embedded.ts'
import { type Control, type ControlOptions, createControl } from '../../control/control.ts'
import { registry } from '../../control/discovery/registry.ts'
import { streamNotify } from '../../control/notify/stream.ts'
import type { ControlEnv } from '../../control/router.ts'
import { memoryStore } from '../../control/store/memory.ts'
import type { Store } from '../../control/store/store.ts'
import { bearer, etagOf, paths, workloadId } from '../../mesh/protocol.ts'
import { makeCsr } from './csr.ts'
import { type HandClock, handClock } from './hand-clock.ts'

export const mesh = 'shop'

/** Three services; `payments` in two versions. */
export const shop = {
  name: mesh,
  services: {
    web: { targetPort: 3000, calls: ['orders', 'payments'] },
    orders: { targetPort: 3001, calls: ['payments'] },
    payments: { targetPort: 8080, calls: [], workloads: { v1: {}, v2: {} } },
  },
  routes: [{ service: 'payments', name: 'canary', to: { 'payments/v1': 90, 'payments/v2': 10 } }],
  access: [{ name: 'callers', from: ['web', 'orders'], to: 'payments' }],
}

/** Who calls. */
export type As = { readonly token: string } | { readonly certificate: X509Certificate } | 'nobody'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes.
  readonly body: any
}

export interface Plane {
  readonly control: Control
  readonly clock: HandClock
  readonly store: Store
  readonly operator: As
  /** Parsed lines. */
  readonly log: Record<string, unknown>[]
  call(
    as: As,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>
  /** The answer itself, for streams. */
  request(as: As, path: string, headers?: Record<string, string>): Promise<Response>
  /** Publishes as the operator, whatever is there. */
  publish(document: unknown, fragment?: string): Promise<Answer>
  workload(name: string, ttlSeconds?: number): Promise<As>
  publisher(name: string, services: readonly string[]): Promise<As>
  register(workload: string, id: string, body?: Record<string, unknown>): Promise<Answer>
  close(): void
}

export async function createPlane(options: Partial<ControlOptions> = {}): Promise<Plane> {
  const clock = handClock()
  const store = options.store ?? memoryStore()
  const log: Record<string, unknown>[] = []
  const destination: DestinationStream = { write: line => void log.push(JSON.parse(line)) }
  const onError = (error: unknown) => {
    throw error
  }
  const control = createControl({
    mesh,
    store,
    registry: await registry({ store, mesh, clock, onError }),
    authority: await embeddedAuthority({ trustDomain: 'shop.internal', clock }),
    notify: streamNotify(),
    clock,
    logger: pino({ level: 'info' }, destination),
    certificateTtlSeconds: 86_400,
    ...options,
  })
  const app = createApp(control)
  const operator: As = { token: await control.operatorTokens.ensure(undefined) }

  const request = async (as: As, path: string, init: RequestInit = {}): Promise<Response> => {
    const env: ControlEnv['Bindings'] = {
      remoteAddress: '192.0.2.7',
      ...(as !== 'nobody' && 'certificate' in as && { certificate: as.certificate }),
    }
    const headers = new Headers(init.headers)
    if (as !== 'nobody' && 'token' in as) headers.set('authorization', bearer(as.token))
    return app.request(path, { ...init, headers }, env)
  }
  const call: Plane['call'] = async (as, method, path, body, headers = {}) => {
    const json = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const type: Record<string, string> =
      json === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(json)) }
    const init: RequestInit = {
      method,
      headers: { ...type, ...headers },
      ...(json !== undefined && { body: json }),
    }
    const response = await request(as, path, init)
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    }
  }
  const workload: Plane['workload'] = async (name, ttlSeconds = 86_400) => {
    const { csr } = await makeCsr()
    const identity = { spiffeId: workloadId(control.authority.trustDomain, name) }
    const { certificate } = await control.authority.issue(csr, identity, ttlSeconds)
    return { certificate: new X509Certificate(certificate) }
  }
  return {
    control,
    clock,
    store,
    operator,
    log,
    call,
    request: (as, path, headers = {}) => request(as, path, { headers }),
    async publish(document, fragment = 'mesh') {
      const path = paths.fragment(mesh, fragment)
      const existing = await call(operator, 'GET', path)
      const condition: Record<string, string> =
        existing.status === 200 ? { 'if-match': etagOf(existing.body.revision) } : {}
      return call(operator, 'PUT', path, document, condition)
    },
    workload,
    async publisher(name, services) {
      const issued = await call(operator, 'POST', paths.publishTokens(mesh), { name, services })
      return { token: issued.body.token }
    },
    async register(name, id, body = {}) {
      const registration = { address: '127.0.0.1', port: 15006, ...body }
      return call(await workload(name), 'PUT', paths.endpoint(mesh, name, id), registration)
    },
    close() {
      control.close()
      control.registry.close()
    },
  }
}
