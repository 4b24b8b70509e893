/** Whichever HTTP the other side speaks: as TLS has agreed, or, in plaintext, as its port is declared. */
import type { Protocol } from '../../mesh/snapshot.ts'
import { ALPN } from './alpn.ts'
import type { ClientCodec } from './codec.ts'
import { http1Client } from './http1/client.ts'
import { http2Client } from './http2/client.ts'

export const httpClient =
  (protocol: Protocol): ClientCodec =>
  (transport, options) => {
    const alpn = transport.tls?.alpn
    const isHttp2 = alpn === undefined ? isHttp2Protocol(protocol) : alpn === ALPN.http2
    return isHttp2 ? http2Client(transport, options) : http1Client(transport, options)
  }

/** Whether an app with such a port is spoken to in HTTP/2, with prior knowledge (RFC 9113 3.3). */
export const isHttp2Protocol = (protocol: Protocol): boolean => protocol === 'http2' || protocol === 'grpc'
