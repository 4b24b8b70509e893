/** Who proves what to whom: each callee's sidecar must show who it is, speak TLS 1.3 and refuse a stranger. */
import { snapshotOf } from '../admin.ts'
import { waitFor } from '../clock.ts'
import { knock, speaksTls12 } from '../handshake.ts'
import type { Step } from '../step.ts'

const PATIENCE_MS = 15_000

export const lookAtEdges: Step = {
  title: 'mutual TLS on every edge',
  async run({ shop, findings, edges, callers, say }) {
    for (const edge of edges) {
      const snapshot = await snapshotOf(shop.member(edge.from).adminUrl)
      const endpoint = snapshot.endpoints.clusters[edge.to]?.[0]
      const serverName = Object.values(snapshot.config.clusters[edge.to]?.serverNames ?? {})[0]
      if (endpoint === undefined || serverName === undefined)
        throw new Error(`${edge.from} knows no ${edge.to}`)
      const { address: host, port } = endpoint
      const door = { host, port, serverName, root: shop.control.root }
      const seen = await knock(door)
      if (seen.refusedBy === undefined) throw new Error(`${edge.to} let in a caller without a certificate`)
      if (await speaksTls12(door)) throw new Error(`${edge.to} speaks TLS 1.2, expected nothing below 1.3`)
      edge.protocol = seen.protocol
      edge.peer = seen.peer
      findings.mtls ??= { protocol: seen.protocol, peer: seen.peer }
      const name = `${edge.from} → ${edge.to}`
      const caller = await waitFor(`${name}: a call`, PATIENCE_MS, () => callers.get(name)?.caller)
      if (!caller.endsWith(`/workload/${edge.from}`)) throw new Error(`${name}: the callee saw ${caller}`)
      edge.caller = caller
      say(`${name}: ${seen.protocol}, ${caller} ⇄ ${seen.peer}`)
    }
    return 'both ends proven; strangers and TLS 1.2 refused'
  },
}
