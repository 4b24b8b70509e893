/** web → its sidecar → the sidecars of payments → their apps, all in this process. */
import type { Cluster, Endpoint, InboundPort, OutboundService, Snapshot } from '../../mesh/snapshot.ts'
import type { Settings } from '../../proxy/settings.ts'
import { createAuthority, type TestAuthority } from './authority.ts'
import { type TestProxy, testProxy } from './proxy.ts'
import { cluster, endpoint, inboundPort, outboundService, snapshot } from './snapshot.ts'

export interface ChainOptions {
  /** Ports of the apps of payments: a sidecar for each. */
  readonly apps: readonly number[]
  readonly inbound?: Partial<InboundPort>
  readonly outbound?: Partial<OutboundService>
  readonly cluster?: Partial<Cluster>
  readonly outer?: Partial<Settings>
  readonly inner?: Partial<Settings>
}

export interface Chain {
  readonly authority: TestAuthority
  readonly outer: TestProxy
  readonly inner: readonly TestProxy[]
  /** The caller's snapshot, with whatever is changed about it. */
  callerSnapshot(outbound?: Partial<OutboundService>, endpoints?: readonly Endpoint[]): Snapshot
  /** A callee's snapshot, with whatever is changed about its port. */
  calleeSnapshot(app: number, inbound?: Partial<InboundPort>): Snapshot
}

export async function chain(options: ChainOptions): Promise<Chain> {
  const authority = await createAuthority()
  const calleeSnapshot = (targetPort: number, more: Partial<InboundPort> = {}) =>
    snapshot('payments', { inbound: [inboundPort('payments', { targetPort, ...options.inbound, ...more })] })
  const inner = await Promise.all(
    options.apps.map(async app =>
      testProxy({
        identity: await authority.identity('payments'),
        snapshot: calleeSnapshot(app),
        settings: options.inner ?? {},
      }),
    ),
  )
  const all = inner.map(({ port }, i) => endpoint(`p${i + 1}`, port))
  const callerSnapshot = (more: Partial<OutboundService> = {}, endpoints: readonly Endpoint[] = all) =>
    snapshot(
      'web',
      {
        outbound: [outboundService('payments', { ...options.outbound, ...more })],
        clusters: { payments: cluster('payments', options.cluster) },
      },
      { payments: endpoints },
    )
  const outer = await testProxy({
    identity: await authority.identity('web'),
    snapshot: callerSnapshot(),
    settings: options.outer ?? {},
  })
  return { authority, outer, inner, callerSnapshot, calleeSnapshot }
}
