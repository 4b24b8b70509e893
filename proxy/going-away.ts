/**
 * How a proxy ends. Callers have been told; for a while it goes on accepting, and says on every answer that the
 * connection closes; then it accepts no more and finishes what is in flight. What the app calls works to the end.
 */
import type { Clock } from '../mesh/clock.ts'
import type { DataPlane } from './data-plane.ts'
import { Failure } from './failure.ts'
import type { Settings } from './settings.ts'

const LOOK_EVERY_MS = 20

/** Resolves when nothing is in flight any more, or time is up; then with how much was left. */
export async function goAway(
  { inbound, outbound }: DataPlane,
  { drain }: Pick<Settings, 'drain'>,
  clock: Clock,
): Promise<number> {
  inbound.http.drain()
  await wait(clock, drain.delayMs)
  inbound.listener.close()
  const untilMs = clock.monotonic() + drain.timeoutMs
  for (;;) {
    const left = inbound.http.active + inbound.tcp.size + outbound.http.active + outbound.tcp.size
    if (left === 0 || clock.monotonic() >= untilMs) return left
    await wait(clock, LOOK_EVERY_MS)
  }
}

/** Closes everything, what is in flight included. */
export function shutDown({ inbound, outbound, clusters, apps, probe }: DataPlane): void {
  const failure = new Failure('draining', 'this sidecar is shutting down')
  probe.stop()
  inbound.listener.close()
  outbound.listeners.close()
  outbound.proxy?.close()
  outbound.proxy?.destroy(failure)
  for (const { http, tcp } of [inbound, outbound]) {
    http.destroy()
    tcp.destroy(failure)
  }
  clusters.close()
  apps.close()
}

const wait = (clock: Clock, ms: number): Promise<void> => new Promise(resolve => clock.after(ms, resolve))
