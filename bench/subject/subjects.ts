/** Which subjects take part, and which of them stands for each peer in `ratioTo`. */
import type { Machine } from '../machine.ts'
import type { Peer } from '../row.ts'
import { envoySubject } from './envoy.ts'
import { haproxyH1Subject, haproxyH2Subject, haproxySubject } from './haproxy.ts'
import { nginxSubject } from './nginx.ts'
import type { Subject, Topology } from './subject.ts'

type Line = readonly [tool: 'nginx' | 'haproxy' | 'envoy', make: (command: string) => Subject]

const PEER_LINES: Readonly<Record<Topology, readonly Line[]>> = {
  'one-hop': [
    ['haproxy', haproxySubject],
    ['nginx', nginxSubject],
    ['envoy', envoySubject],
  ],
  'two-hops': [
    ['haproxy', haproxyH2Subject],
    ['haproxy', haproxyH1Subject],
    ['nginx', nginxSubject],
    ['envoy', envoySubject],
  ],
}

/** HAProxy multiplexes HTTP/2 between its hops; that is what a mesh must be measured against. */
export const REFERENCES: Readonly<Record<Topology, Readonly<Record<Peer, string>>>> = {
  'one-hop': { haproxy: 'haproxy', nginx: 'nginx', envoy: 'envoy' },
  'two-hops': { haproxy: 'haproxy-h2', nginx: 'nginx', envoy: 'envoy' },
}

/** The peers that this machine has, for one topology. */
export function peerSubjects(machine: Machine, topology: Topology): Subject[] {
  return PEER_LINES[topology].flatMap(([tool, make]) => {
    const command = machine.found[tool]
    return command === undefined ? [] : [make(command)]
  })
}
