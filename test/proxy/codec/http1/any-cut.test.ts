/** What is read does not depend on how the bytes arrive. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../../../support/collect.ts'
import { until } from '../../../support/until.ts'
import { Outgoing, sending } from './sending.ts'
import { response, serving } from './serving.ts'

const RUNS = { numRuns: 60, seed: 20260101 }

/** Lengths of the pieces that a text is cut into; the last ones repeat. */
const cuts = fc.array(
  fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5000 })),
  {
    minLength: 1,
    maxLength: 30,
  },
)

function cutting(lengths: readonly number[]): (waiting: number) => number {
  let next = 0
  return waiting => Math.min(waiting, lengths[next++ % lengths.length]!)
}

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).map(name => `x-${name}`)
const value = fc.stringMatching(/^[ -~]{0,30}$/).map(text => text.trim())
const fields = fc.array(fc.tuple(token, value), { maxLength: 8 })
const body = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
  maxLength: 300,
})
const pieces = fc.array(
  body.filter(text => text !== ''),
  { maxLength: 5 },
)

interface Message {
  readonly fields: readonly (readonly [string, string])[]
  readonly pieces: readonly string[]
  readonly chunked: boolean
  readonly trailers: readonly (readonly [string, string])[]
}

const message: fc.Arbitrary<Message> = fc.record({ fields, pieces, chunked: fc.boolean(), trailers: fields })

const lines = (all: readonly (readonly [string, string])[]): string =>
  all.map(([name, text]) => `${name}: ${text}\r\n`).join('')

function rest({ fields, pieces, chunked, trailers }: Message): string {
  const framing = chunked ? 'transfer-encoding: chunked' : `content-length: ${pieces.join('').length}`
  const chunks = pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')
  return `${lines(fields)}${framing}\r\n\r\n${chunked ? `${chunks}0\r\n${lines(trailers)}\r\n` : pieces.join('')}`
}

const ofFields = (
  block: { forEach(visit: (name: string, value: string) => void): void } | undefined,
): string[] => {
  const all: string[] = []
  block?.forEach((name, text) => {
    if (name.startsWith('x-')) all.push(`${name}: ${text}`)
  })
  return all
}

const expected = ({ fields, pieces, chunked, trailers }: Message) => ({
  fields: fields.map(([name, text]) => `${name}: ${text}`),
  body: pieces.join(''),
  trailers: chunked ? trailers.map(([name, text]) => `${name}: ${text}`) : [],
})

describe('requests', () => {
  it('are read the same however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 4 }), cuts, async (messages, lengths) => {
        const seen: unknown[] = []
        const served = serving(
          async request => {
            const { text, trailers } = await collect(request.body)
            seen.push({ fields: ofFields(request.headers), body: text, trailers: ofFields(trailers) })
            return response(200, 'ok')
          },
          { link: { cut: cutting(lengths) }, limits: { maxReadAheadBytes: 100 } },
        )
        const heads = messages.map((each, i) => `POST /${i} HTTP/1.1\r\nHost: a\r\n${rest(each)}`)
        served.client.send(heads.join(''))
        await until('all are served', () => seen.length === messages.length)
        expect(seen).toEqual(messages.map(expected))
        expect(served.requests.map(each => each.path)).toEqual(messages.map((_, i) => `/${i}`))
      }),
      RUNS,
    )
  })

  it('are refused the same however they are cut', async () => {
    const mistakes = fc.constantFrom(
      'GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n',
      'GET / HTTP/1.1\nHost: a\r\n\r\n',
      'GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n',
      `GET /${'a'.repeat(2000)} HTTP/1.1\r\nHost: a\x00\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(9000)}\x00\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(30)} folded\r\n\r\n`,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : y\r\n\r\n',
    )
    const refusalOf = async (text: string, lengths: readonly number[]): Promise<string> => {
      const served = serving(async request => response(200, (await collect(request.body)).text), {
        link: { cut: cutting(lengths) },
      })
      served.client.send(text)
      return served.client.receivesAll()
    }
    await fc.assert(
      fc.asyncProperty(mistakes, cuts, async (text, lengths) => {
        const whole = await refusalOf(text, [100_000])
        expect(whole).toMatch(/^HTTP\/1\.1 4/)
        expect(await refusalOf(text, lengths)).toBe(whole)
      }),
      RUNS,
    )
  })
})

describe('responses', () => {
  it('are read the same however they are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 3 }), cuts, async (messages, lengths) => {
        const { server, connection } = sending({ link: { cut: cutting(lengths) } })
        for (const each of messages) {
          const answer = connection.send(new Outgoing())
          server.send(`HTTP/1.1 103 Early Hints\r\nx-early: 1\r\n\r\nHTTP/1.1 200 OK\r\n${rest(each)}`)
          const { headers, body } = await answer
          const { text, trailers } = await collect(body)
          expect({ fields: ofFields(headers), body: text, trailers: ofFields(trailers) }).toEqual(
            expected(each),
          )
        }
        expect(connection.sent).toBe(messages.length)
      }),
      RUNS,
    )
  })
})
