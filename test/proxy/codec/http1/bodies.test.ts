/** Bodies through the codec, both ways and in each framing, over memory and over real sockets. */
import { describe } from 'vitest'
import type { BodySource } from '../../../../proxy/body.ts'
import { http1Client } from '../../../../proxy/codec/http1/client.ts'
import { http1Server } from '../../../../proxy/codec/http1/server.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { Request, Response } from '../../../../proxy/message.ts'
import { socketTransport } from '../../../../proxy/socket-transport.ts'
import type { Transport } from '../../../../proxy/transport.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { transportPair } from '../../../support/memory-transport.ts'
import { ScriptedBody } from '../../../support/scripted-body.ts'
import { socketPair } from '../../../support/socket-pair.ts'
import { bodyContract } from '../../body.contract.ts'
import { Outgoing } from './sending.ts'
import { LIMITS } from './serving.ts'

type Pair = () => Promise<[Transport, Transport]>

const overSockets: Pair = async () => {
  const [accepted, connected] = await socketPair()
  return [socketTransport(accepted), socketTransport(connected)]
}

const PAIRS: readonly (readonly [string, Pair, number])[] = [
  ['memory', async () => transportPair(), 40],
  [
    'memory that cuts and stalls',
    async () => transportPair({ kernelBytes: 50, cut: waiting => Math.min(waiting, 7000) }),
    40,
  ],
  ['sockets', overSockets, 30],
]

function serverOn(transport: Transport, serve: (request: Request) => Promise<Response>): void {
  http1Server(transport, {
    limits: LIMITS,
    normalise: 'base',
    scheme: 'http',
    clock: new ManualClock(),
    serve,
    onProtocolError: () => {},
    onClose: () => {},
  })
}

const clientOn = (transport: Transport) =>
  http1Client(transport, {
    limits: LIMITS,
    clock: new ManualClock(),
    meshPeer: false,
    onChange: () => {},
    onClose: () => {},
  })

/** The body of a request, as the server reads it. */
async function requestBody(
  pair: Pair,
  body: ScriptedBody,
): Promise<{ source: BodySource; close: () => void }> {
  const [near, far] = await pair()
  body.mayBreak = false
  const request = await new Promise<Request>(resolve => {
    serverOn(near, request => {
      resolve(request)
      return new Promise(() => {})
    })
    clientOn(far)
      .send(new Outgoing({ method: 'POST', body }))
      .catch(() => {})
  })
  body.mayBreak = true
  return { source: request.body, close: () => near.destroy() }
}

/** The body of a response, as the client reads it. */
async function responseBody(
  pair: Pair,
  body: ScriptedBody,
  line?: string,
): Promise<{ source: BodySource; close: () => void }> {
  const [near, far] = await pair()
  body.mayBreak = false
  const answer = { status: 200, headers: HeaderBlock.EMPTY, body, edits: undefined }
  serverOn(near, async () => answer)
  const connection = clientOn(far)
  // An HTTP/1.0 client is answered without chunks.
  if (line !== undefined) far.write = withLine(far, line)
  const { body: source } = await connection.send(new Outgoing())
  body.mayBreak = true
  return { source, close: () => near.destroy() }
}

function withLine(transport: Transport, line: string): (chunk: Buffer) => boolean {
  const write = transport.write.bind(transport)
  return chunk => write(Buffer.from(chunk.toString('latin1').replace(/^.*\r\n/, `${line}\r\n`), 'latin1'))
}

for (const [name, pair, runs] of PAIRS) {
  describe(`over ${name}`, () => {
    describe.each([
      ['chunked', false],
      ['with a length', true],
    ])('a request body %s', (_what, knowsLength) => {
      bodyContract({
        open: async script => {
          const body = new ScriptedBody(script, knowsLength)
          if (body.length === 0) return { source: body }
          return requestBody(pair, body)
        },
        hasTrailers: !knowsLength,
        canBreak: !knowsLength,
        runs,
      })
    })

    describe.each([
      ['chunked', false],
      ['with a length', true],
    ])('a response body %s', (_what, knowsLength) => {
      bodyContract({
        open: async script => {
          const body = new ScriptedBody(script, knowsLength)
          if (body.length === 0) return { source: body }
          const opened = await responseBody(pair, body)
          return { ...opened, settled: () => body.breaches.length === 0 && body.state !== 'flowing' }
        },
        hasTrailers: !knowsLength,
        canBreak: !knowsLength,
        runs,
      })
    })

    describe('a response body that ends with the connection', () => {
      bodyContract({
        open: script => responseBody(pair, new ScriptedBody(script, false), 'GET / HTTP/1.0'),
        hasTrailers: false,
        canBreak: true,
        runs,
      })
    })
  })
}
