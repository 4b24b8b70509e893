/** Bodies through the codec, both ways, over memory and over real sockets. */
import { describe } from 'vitest'
import type { BodySource } from '../../../../proxy/body.ts'
import { http2Client } from '../../../../proxy/codec/http2/client.ts'
import { DEFAULT_HTTP2_LIMITS } from '../../../../proxy/codec/http2/limits.ts'
import { http2Server } from '../../../../proxy/codec/http2/server.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { Request, Response } from '../../../../proxy/message.ts'
import { socketTransport } from '../../../../proxy/socket-transport.ts'
import type { Transport } from '../../../../proxy/transport.ts'
import { ManualClock } from '../../../../testing/clock.ts'
import { transportPair } from '../../../support/memory-transport.ts'
import { ScriptedBody } from '../../../support/scripted-body.ts'
import { socketPair } from '../../../support/socket-pair.ts'
import { bodyContract } from '../../body.contract.ts'
import { Outgoing } from './asking.ts'
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

/** Windows so small that they matter. */
const http2 = { ...DEFAULT_HTTP2_LIMITS, streamWindowBytes: 20_000, connectionWindowBytes: 65_535 }

function serverOn(transport: Transport, serve: (request: Request) => Promise<Response>): void {
  http2Server(transport, {
    limits: LIMITS,
    http2,
    normalise: 'base',
    scheme: 'http',
    clock: new ManualClock(),
    serve,
    onProtocolError: () => {},
    onClose: () => {},
  })
}

const clientOn = (transport: Transport) =>
  http2Client(transport, {
    limits: LIMITS,
    http2,
    clock: new ManualClock(),
    meshPeer: false,
    onChange: () => {},
    onClose: () => {},
  })

interface Open {
  readonly source: BodySource
  readonly close: () => void
}

/** The body of a request, as the server reads it. */
async function requestBody(pair: Pair, body: ScriptedBody): Promise<Open> {
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
async function responseBody(pair: Pair, body: ScriptedBody): Promise<Open> {
  const [near, far] = await pair()
  body.mayBreak = false
  serverOn(near, async () => ({ status: 200, headers: HeaderBlock.EMPTY, body, edits: undefined }))
  const { body: source } = await clientOn(far).send(new Outgoing())
  body.mayBreak = true
  return { source, close: () => near.destroy() }
}

for (const [name, pair, runs] of PAIRS) {
  describe(`over ${name}`, () => {
    describe.each([
      ['a request body', requestBody, false],
      ['a request body with a length', requestBody, true],
      ['a response body', responseBody, false],
      ['a response body with a length', responseBody, true],
    ])('%s', (_what, open, knowsLength) => {
      bodyContract({
        open: async script => {
          const body = new ScriptedBody(script, knowsLength)
          return body.length === 0 ? { source: body } : open(pair, body)
        },
        hasTrailers: !knowsLength,
        canBreak: !knowsLength,
        runs,
      })
    })
  })
}
