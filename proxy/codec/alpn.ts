/** What connections over TLS carry, as both sides agree in the handshake (RFC 7301). */
import type { Protocol } from '../../mesh/snapshot.ts'

/** Between sidecars the names begin with `selvage-`; the plain ones are for standard peers. */
export const ALPN = {
  http2: 'selvage-h2',
  http1: 'selvage-h1',
  tcp: 'selvage-tcp',
  http2Plain: 'h2',
  http1Plain: 'http/1.1',
} as const

const BYTES: readonly string[] = [ALPN.tcp]
const OFFERED: readonly string[] = [ALPN.http2, ALPN.http1]
const ACCEPTED: readonly string[] = [ALPN.http2, ALPN.http1, ALPN.http2Plain, ALPN.http1Plain]
const SIDECARS: readonly string[] = [ALPN.http2, ALPN.http1, ALPN.tcp]

/** What a sidecar offers to another, the best first: HTTP/1.1 is for those of an older version. */
export const offeredAlpn = (protocol: Protocol): readonly string[] => (protocol === 'tcp' ? BYTES : OFFERED)

/** What a sidecar accepts for a port, in order of preference. */
export const acceptedAlpn = (protocol: Protocol | undefined): readonly string[] =>
  protocol === 'tcp' ? BYTES : ACCEPTED

/** Only sidecars ask for these. */
export const isSidecarAlpn = (alpn: string | false | null): boolean => SIDECARS.includes(alpn || '')
