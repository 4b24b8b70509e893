/** Putting a snapshot into force: what is new is made ready, then one assignment, then what is gone is let go. */
import type { Snapshot } from '../mesh/snapshot.ts'
import { authoriseAgain } from './connection/access.ts'
import { appPort, type DataPlane } from './data-plane.ts'
import type { ListenError } from './listener/listen.ts'
import { MeshNames } from './listener/mesh-names.ts'
import type { Settings } from './settings.ts'

/**
 * Resolves with the listeners that could not be opened. Rejects with an `Error`, and changes no route, when the
 * snapshot cannot be enforced.
 */
export async function enforce(
  snapshot: Snapshot,
  plane: DataPlane,
  settings: Settings,
): Promise<readonly ListenError[]> {
  const { config } = snapshot
  const { inForce, contexts, routing, access, accessLog, probe, inbound, outbound } = plane
  const trustDomain = contexts.identity?.trustDomain
  if (trustDomain !== undefined && trustDomain !== config.trustDomain) {
    throw new Error(
      `it is for trust domain ${config.trustDomain}, and the certificate of this proxy is of ${trustDomain}`,
    )
  }
  await routing.apply(snapshot)
  const before = inForce.config
  if (before === config) return []
  inForce.config = config
  inForce.names = new MeshNames(config)
  inbound.listener.use(config)
  accessLog.wanted = config.telemetry.accessLog === 'json'
  probe.watch(config.inbound.map(({ targetPort }) => appPort(settings, targetPort)))
  authoriseAgain(access)
  // Paths are normalised by the connection that they come over: an open one would go on as before.
  if (before !== undefined && before.normalise !== config.normalise) {
    inbound.http.renew()
    outbound.http.renew()
  }
  return outbound.listeners.follow(config)
}
