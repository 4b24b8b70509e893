/** A control plane as a proxy meets it: HTTPS that asks for client certificates, and whatever answers a test wants. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { controlPlaneId, formatJoinToken, paths } from '../../mesh/protocol.ts'
import type { TestAuthority } from './authority.ts'

export interface ControlRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Subject alternative name of the verified client certificate. */
  readonly client: string | undefined
}

export interface ControlReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Takes over the response: for streams. */
  readonly stream?: (response: ServerResponse) => void
}

export interface ControlServer {
  readonly url: URL
  readonly requests: ControlRequest[]
  /** Requests that end in this, by method and path. */
  to(suffix: string): ControlRequest[]
  close(): void
}

export async function controlServer(
  authority: TestAuthority,
  answer: (request: ControlRequest) => ControlReply | Promise<ControlReply>,
): Promise<ControlServer> {
  const leaf = await authority.leaf('control', { uris: [controlPlaneId(authority.trustDomain)] })
  const requests: ControlRequest[] = []
  const server = createServer(
    {
      cert: leaf.certificatePem,
      key: leaf.privateKeyPem,
      ca: authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    async (message, response) => {
      const request = await requestOf(message)
      requests.push(request)
      const reply = request.path.endsWith('/trust') ? trustOf(authority) : await answer(request)
      if (reply.stream !== undefined) {
        reply.stream(response)
        return
      }
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
      response.end(reply.body === undefined ? '' : JSON.stringify(reply.body))
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`),
    requests,
    to: suffix => requests.filter(({ method, path }) => `${method} ${path}`.endsWith(suffix)),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function requestOf(message: IncomingMessage): Promise<ControlRequest> {
  let body = ''
  for await (const chunk of message) body += chunk
  const socket = message.socket as TLSSocket
  return {
    method: message.method ?? '',
    path: message.url ?? '',
    headers: message.headers,
    body,
    client: socket.authorized ? socket.getPeerX509Certificate()?.subjectAltName : undefined,
  }
}

const trustOf = ({ trustDomain, certificatePem, sha256 }: TestAuthority): ControlReply => ({
  status: 200,
  body: {
    trustDomain,
    roots: [{ certificate: certificatePem, sha256, notAfter: '2100-01-01T00:00:00Z', signing: true }],
  },
})

export const joinToken = (authority: TestAuthority, workload: string): string =>
  formatJoinToken({ mesh: 'shop', workload, id: 't1', secret: 'very-secret', caSha256: authority.sha256 })

export const certificatePath = (workload: string): string => paths.certificate('shop', workload)
