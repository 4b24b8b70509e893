/** A whole mesh in one process: control plane, a sidecar for every endpoint, and apps that are functions. */
import { startControlPlane } from '../control/index.ts'
import type { Clock, Random } from '../mesh/clock.ts'
import type { MeshDocument } from '../mesh/define.ts'
import type { MeshDocumentInput } from '../mesh/document.ts'
import { validate } from '../mesh/validate.ts'
import { InvalidMesh } from '../mesh/violation.ts'
import type { App } from './app.ts'
import { type Apps, RunningMesh } from './running-mesh.ts'

export interface StartMeshOptions<Name extends string = string> {
  /**
   * The apps, by workload; a list gives the workload an endpoint for each. A workload without an app only calls.
   *
   * @default none
   */
  readonly apps?: { readonly [Workload in Name]?: App | readonly App[] }
  /**
   * Time for control plane and sidecars. A `ManualClock` has to begin at the present, because TLS compares
   * certificates with the machine's own (`ManualClock.atPresent()`); `startMesh` and `apply` turn it as far as they need.
   *
   * @default the machine's
   */
  readonly clock?: Clock
  /** @default the machine's */
  readonly random?: Random
}

export interface FetchOptions<Name extends string = string> extends RequestInit {
  /** The workload whose sidecar sends the request. */
  readonly from: Name
  /** Dial port. @default the service's first */
  readonly port?: number
}

export interface TestMesh<Service extends string = string, Name extends string = string> {
  /**
   * A real request from one app to a service: through the caller's sidecar, over mutual TLS, through the callee's
   * sidecar, to its app.
   *
   * @example
   * const response = await mesh.fetch('payments', '/charges/1', { from: 'web', headers: { 'x-user-type': 'beta-tester' } })
   */
  fetch(service: Service, path: string, options: FetchOptions<Name>): Promise<Response>
  /** Where the caller's sidecar takes calls to a service: for clients that are not `fetch`. */
  urlOf(service: Service, options: { readonly from: Name; readonly port?: number }): string
  /**
   * Publishes another document; resolves when every sidecar enforces it.
   *
   * @param apps of workloads that are new in this document
   * @throws InvalidMesh with every violation; the old document stays in force
   */
  apply(document: MeshDocument<Service, Name> | MeshDocumentInput, apps?: Apps): Promise<void>
  /** Ends everything that `startMesh` began. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a mesh for a test, on free ports of loopback: nothing but sockets is faked away.
 *
 * @throws InvalidMesh when the document has violations
 *
 * @example
 * await using mesh = await startMesh(document, {
 *   apps: {
 *     'payments/v1': (request, response) => response.end('v1'),
 *     'payments/v2': { fetch: request => new Response('v2') },
 *   },
 * })
 * const response = await mesh.fetch('payments', '/charges/1', { from: 'web' })
 */
export async function startMesh<Service extends string, Name extends string>(
  document: MeshDocument<Service, Name> | MeshDocumentInput,
  options: StartMeshOptions<Name> = {},
): Promise<TestMesh<Service, Name>> {
  const checked = checkedDocument(document)
  const { clock, random } = options
  const control = await startControlPlane({
    meshName: checked.name,
    trustDomain: checked.trustDomain,
    ...(clock === undefined ? {} : { clock }),
  })
  const running = new RunningMesh({ control, clock, random })
  try {
    await running.apply(checked, options.apps)
  } catch (error) {
    await running.stop()
    throw error
  }
  return {
    urlOf: (service, { from, port }) => running.urlOf(service, from, port),
    fetch: (service, path, { from, port, ...init }) =>
      fetch(new URL(path, running.urlOf(service, from, port)), init),
    apply: async (next, apps) => running.apply(checkedDocument(next), apps),
    stop: () => running.stop(),
    [Symbol.asyncDispose]: () => running.stop(),
  }
}

function checkedDocument(document: MeshDocumentInput): MeshDocumentInput {
  const checked = validate(document)
  if (!checked.ok) throw new InvalidMesh(checked.violations)
  return checked.document
}
