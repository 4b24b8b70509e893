/**
 * Envoy as a peer, with the policies that Selvage carries in the same work. Between two hops it speaks HTTP/2, which
 * costs it less than HTTP/1.1.
 */
import { envoyRoutes, TRUST_DOMAIN } from '../document.ts'
import { peerSubject } from './chain.ts'
import type { Subject } from './subject.ts'

const ROUTE_INDENT = 24

export const envoySubject = (command: string): Subject =>
  peerSubject({
    subject: 'envoy',
    command,
    fileSuffix: 'envoy.yaml',
    args: file => ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error'],
    values: site => ({
      TRUST_DOMAIN,
      ROUTE_COUNT: site.routeCount,
      ROUTES: envoyRoutes(site.routeCount, 'payments', ROUTE_INDENT),
    }),
  })
