import type { Status } from '../../mesh/protocol.ts'
import { pause } from '../clock.ts'
import type { Context } from '../context.ts'
import type { ControlClient } from './control-client.ts'

export interface LaggingProxy {
  readonly workload: string
  readonly id: string
  /** Why it refused the configuration, if it did. */
  readonly refused?: string
}

export interface Enforcement {
  /** From the moment of waiting until the last proxy was seen to enforce it, or until patience ended. */
  readonly tookMs: number
  readonly proxies: number
  readonly lagging: readonly LaggingProxy[]
}

const POLL_MS = 50

/** Waits, `patienceMs` at most, until every proxy that reports enforces this revision or a later one. */
export async function awaitEnforcement(
  context: Context,
  client: ControlClient,
  revision: number,
  patienceMs: number,
): Promise<Enforcement> {
  const { clock } = context
  const interrupted = context.interrupted()
  const startedMs = clock.monotonic()
  while (true) {
    const seen = lookAt(await client.status(), revision)
    const tookMs = clock.monotonic() - startedMs
    if (seen.lagging.length === 0 || tookMs >= patienceMs || interrupted.aborted) return { tookMs, ...seen }
    await pause(clock, POLL_MS, interrupted)
  }
}

function lookAt(status: Status, revision: number): Omit<Enforcement, 'tookMs'> {
  const proxies = status.workloads.flatMap(({ workload, proxies }) =>
    proxies.map(proxy => ({ workload, proxy })),
  )
  const lagging = proxies
    .filter(({ proxy }) => status.revision < revision || !proxy.inSync)
    .map(({ workload, proxy }) => ({
      workload,
      id: proxy.id,
      ...(proxy.refused === undefined ? {} : { refused: proxy.refused }),
    }))
  return { proxies: proxies.length, lagging }
}
