/** However long a body and however slow its reader: what one hop holds of it is bounded. Bytes are counted, not RSS. */
import { describe, expect, it } from 'vitest'
import type { Response } from '../../../../proxy/message.ts'
import { ReplayBody } from '../../../../proxy/replay-body.ts'
import { until } from '../../../support/until.ts'
import { Outgoing, sending } from './sending.ts'
import { serving } from './serving.ts'

const TOTAL_BYTES = 12_000_000
/** Two reads of 64 KiB on the side that brings the bytes, and as much on the side that takes them away. */
const MOST_BYTES = 4 * 64 * 1024

const HEAD = 'Host: a\r\n'
/** Hands a slow reader a few thousand bytes a turn. */
const SLOW = { kernelBytes: 4096, cut: (waiting: number) => Math.min(waiting, 5000) }
const FAST = { kernelBytes: 65536 }

function hop(clientLink: object, upstreamLink: object, replays = false) {
  const upstream = sending({ link: upstreamLink, limits: { bodyIdleTimeoutMs: 0 } })
  const served = serving(
    ({ method, path, headers, body }): Promise<Response> => {
      const forwarded = replays ? new ReplayBody(body, 64 * 1024).cursor() : body
      return upstream.connection.send(new Outgoing({ method, path, headers, body: forwarded }))
    },
    { link: clientLink },
  )
  return { upstream, served }
}

/** Sends `TOTAL_BYTES` in from one side and watches what is held on the way to the other. */
async function mostHeld(
  send: (text: string) => void,
  taken: () => number,
  delivered: () => number,
): Promise<number> {
  let most = 0
  const piece = 'x'.repeat(60_000)
  for (let sent = 0; sent < TOTAL_BYTES; sent += piece.length) send(piece)
  await until('everything is through', () => {
    most = Math.max(most, taken() - delivered())
    return delivered() >= TOTAL_BYTES
  })
  return most
}

describe('a long body and a slow reader', () => {
  it('hold little of a response', async () => {
    const { upstream, served } = hop(SLOW, FAST)
    served.client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`)
    await upstream.server.receives('\r\n\r\n')
    upstream.server.send(`HTTP/1.1 200 OK\r\nContent-Length: ${TOTAL_BYTES}\r\n\r\n`)
    await served.client.receives('\r\n\r\n')
    const most = await mostHeld(
      text => upstream.server.send(text),
      () => upstream.near.deliveredBytes,
      () => served.client.text.length,
    )
    expect(most).toBeLessThan(MOST_BYTES)
  }, 60_000)

  it.each([
    ['a request', false],
    ['a request that could be replayed', true],
  ])(
    'hold little of %s',
    async (_what, replays) => {
      const { upstream, served } = hop(FAST, SLOW, replays)
      served.client.send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: ${TOTAL_BYTES}\r\n\r\n`)
      await upstream.server.receives('\r\n\r\n')
      const most = await mostHeld(
        text => served.client.send(text),
        () => served.near.deliveredBytes,
        () => upstream.server.text.length,
      )
      expect(most).toBeLessThan(MOST_BYTES + (replays ? 64 * 1024 : 0))
    },
    60_000,
  )
})
