/** Who proves what to whom: each callee's sidecar is asked for its certificate, and must refuse who has none. */
import { snapshotOf } from '../admin.ts'
import { waitFor } from '../clock.ts'
import { knock } from '../handshake.ts'
import type { Step } from '../step.ts'

const PATIENCE_MS = 15_000

export const lookAtEdges: Step = {
  title: 'mutual TLS on every edge',
  async run({ shop, findings, edges, callers }) {
    for (const edge of edges) {
      const snapshot = await snapshotOf(shop.member(edge.from).adminUrl)
      const endpoint = snapshot.endpoints.clusters[edge.to]?.[0]
      const serverName = Object.values(snapshot.config.clusters[edge.to]?.serverNames ?? {})[0]
      if (endpoint === undefined || serverName === undefined)
        throw new Error(`${edge.from} knows no ${edge.to}`)
      const { address: host, port } = endpoint
      const seen = await knock({ host, port, serverName, root: shop.control.root })
      if (seen.refusedBy === undefined) throw new Error(`${edge.to} let in a caller without a certificate`)
      edge.protocol = seen.protocol
      edge.peer = seen.peer
      findings.mtls ??= { protocol: seen.protocol, peer: seen.peer }
      const name = `${edge.from} → ${edge.to}`
      const caller = await waitFor(`${name}: a call`, PATIENCE_MS, () => callers.get(name)?.caller)
      if (!caller.endsWith(`/workload/${edge.from}`)) throw new Error(`${name}: the callee saw ${caller}`)
      edge.caller = caller
    }
    return 'identities proven both ways; a caller without a certificate was refused at each'
  },
}
