/**
 * The cases of AWS's HTTP desync guardian. Severe: must be refused. Ambiguous: refused, or both connections closed
 * behind the answer, so that nobody reads the rest as another request. The others may pass; what of them is refused
 * all the same is listed with its reason.
 *
 * The cases are parts, not bytes: they are put together here, with a Host where they have none.
 */
import { expect, it } from 'vitest'
import { response, serving } from '../proxy/codec/http1/serving.ts'
import { describeCases } from '../support/cases.ts'
import { until } from '../support/until.ts'

interface Case {
  readonly id: string
  readonly name: string
  readonly uri: string
  readonly method: string
  readonly version: string
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly expected: { readonly tier: 'Compliant' | 'Acceptable' | 'Ambiguous' | 'Severe' }
}

const FILES = [
  'acceptable',
  'ambiguous',
  'bad-header-characters',
  'edge-cases',
  'more-compliant-tests',
  'real-life-test-cases',
  'rfc-compliant',
  'severe',
  'single-case',
  'uri-specific-test-cases',
]

const CONTROL = 'RFC 9110 5.5: no control characters in fields'
const CODING = 'the only transfer coding spoken here is chunked'

/** What the set lets pass and we refuse. */
const REFUSED: Readonly<Record<string, string>> = {
  'acceptable#7': 'HTTP/0.9 is not spoken here',
  'bad-header-characters#12': 'RFC 9110 5.1: a field name is a token',
  'bad-header-characters#14': CONTROL,
  'bad-header-characters#15': CONTROL,
  'more-compliant-tests#8': CODING,
  'more-compliant-tests#9': CODING,
  'rfc-compliant#9': CODING,
  'rfc-compliant#10': CODING,
  'rfc-compliant#11': 'a parameter behind chunked is read by some and not by others',
  'rfc-compliant#12': 'RFC 9112 3.2: a request target has no fragment',
  'rfc-compliant#13': 'RFC 3986 2: a URI is ASCII',
  'uri-specific-test-cases#4': 'RFC 9112 3.2: a request target has no blank',
}

function bytesOf({ method, uri, version, headers }: Case): string {
  const host = headers.some(each => each.name.toLowerCase() === 'host') ? '' : 'Host: a\r\n'
  const fields = headers.map(({ name, value }) => `${name}:${value}\r\n`).join('')
  const text = `${method} ${uri}${version === '' ? '' : ` ${version}`}\r\n${host}${fields}\r\n`
  // \xNN of the source are single bytes; what is beyond them can only have been UTF-8.
  return [...text]
    .map(each => (each.charCodeAt(0) > 255 ? Buffer.from(each).toString('latin1') : each))
    .join('')
}

describeCases('http1-desync', 'HTTP desync guardian', read => {
  for (const each of FILES.flatMap(file => read(`${file}.json`) as Case[])) {
    const why = REFUSED[each.id]
    const { tier } = each.expected
    it(`${tier}${why === undefined ? '' : `, refused (${why})`}: ${each.id} ${each.name}`, async () => {
      const { client, requests } = serving(() => response(200, 'ok'))
      client.send(bytesOf(each))
      await until('it is answered', () => client.text !== '' || client.ended)
      const refused = /^HTTP\/1\.1 [45]/.test(client.text)
      const closes = client.text.includes('\r\nconnection: close\r\n')
      if (tier === 'Severe') expect(refused).toBe(true)
      else if (tier === 'Ambiguous') expect(refused || closes).toBe(true)
      else expect(refused).toBe(why !== undefined)
      if (refused) expect(requests).toEqual([])
    })
  }
})
