import { describe, expect, it } from 'vitest'
import { response, serving } from './serving.ts'

const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`

async function answerTo(
  text: string,
): Promise<{ status: number; text: string; served: number; closed: boolean }> {
  const { client, requests } = serving(() => response(200, 'ok'))
  client.send(text)
  const received = await client.receives(/HTTP\/1\.1 \d+/)
  const status = Number(/HTTP\/1\.1 (\d+)/.exec(received)![1])
  if (status >= 400) await client.receivesAll()
  return { status, text: client.text, served: requests.length, closed: client.ended }
}

describe('a request that two readers could read in two ways', () => {
  it.each([
    [
      'two different Content-Length',
      head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 2'),
    ],
    [
      'two equal Content-Length',
      head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 1'),
    ],
    ['a list in Content-Length', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1, 1')],
    ['an empty Content-Length', head('POST / HTTP/1.1', 'Host: a', 'Content-Length:')],
    ['a sign in Content-Length', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: +1')],
    ['a hexadecimal Content-Length', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 0x1')],
    [
      'a Content-Length beyond exact numbers',
      head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 18446744073709551617'),
    ],
    [
      'Content-Length and Transfer-Encoding',
      head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Transfer-Encoding: chunked'),
    ],
    [
      'Transfer-Encoding before Content-Length',
      head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Content-Length: 1'),
    ],
    ['chunked twice', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked, chunked')],
    [
      'chunked in two fields',
      head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'),
    ],
    ['chunked that is not last', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked, gzip')],
    [
      'a transfer coding that is not chunked',
      head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: identity'),
    ],
    ['chunked with a no-break space', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked\xa0')],
    ['chunked with a vertical tab', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: \x0bchunked')],
    ['Transfer-Encoding in HTTP/1.0', head('POST / HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked')],
    ['a framing field with an underscore', head('POST / HTTP/1.1', 'Host: a', 'Transfer_Encoding: chunked')],
    ['a folded line', head('GET / HTTP/1.1', 'Host: a', 'X-A: 1', ' 2')],
    ['a blank before the first field', head('GET / HTTP/1.1', ' Host: a')],
    ['a blank before the colon', head('GET / HTTP/1.1', 'Host : a')],
    ['an empty name', head('GET / HTTP/1.1', 'Host: a', ': b')],
    ['a name that is no token', head('GET / HTTP/1.1', 'Host: a', 'X(A): b')],
    ['a line without a colon', head('GET / HTTP/1.1', 'Host: a', 'nothing')],
    ['a bare LF after a field', 'GET / HTTP/1.1\r\nHost: a\n\r\n'],
    ['a bare LF after the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['a bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n'],
    ['a bare CR after the fields', 'GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n'],
    ['a NUL in a value', head('GET / HTTP/1.1', 'Host: a', 'X: a\0b')],
    ['a NUL in a name', head('GET / HTTP/1.1', 'Host: a', 'X\0: b')],
    ['DEL in a value', head('GET / HTTP/1.1', 'Host: a', 'X: a\x7fb')],
    ['no Host', head('GET / HTTP/1.1', 'X: a')],
    ['two Host', head('GET / HTTP/1.1', 'Host: a', 'Host: a')],
    ['a list of hosts', head('GET / HTTP/1.1', 'Host: a, b')],
    ['an invalid Host', head('GET / HTTP/1.1', 'Host: a/b')],
    ['a Host with user information', head('GET / HTTP/1.1', 'Host: u@a')],
    ['a Host with a port beyond 65535', head('GET / HTTP/1.1', 'Host: a:65536')],
    ['a blank within Host', head('GET / HTTP/1.1', 'Host: a b')],
    ['an empty Host', head('GET / HTTP/1.1', 'Host:')],
    ['no method', head(' / HTTP/1.1', 'Host: a')],
    ['a method that is no token', head('G@T / HTTP/1.1', 'Host: a')],
    ['two blanks before the target', head('GET  / HTTP/1.1', 'Host: a')],
    ['two blanks before the version', head('GET /  HTTP/1.1', 'Host: a')],
    ['a blank in the target', head('GET /a b HTTP/1.1', 'Host: a')],
    ['a tab in the request line', head('GET\t/ HTTP/1.1', 'Host: a')],
    ['no version', head('GET /', 'Host: a')],
    ['HTTP/0.9', 'GET /\r\n'],
    ['a version of another protocol', head('GET / RTSP/1.0', 'Host: a')],
    ['a version in small letters', head('GET / http/1.1', 'Host: a')],
    ['a version with two digits', head('GET / HTTP/1.10', 'Host: a')],
    ['something behind the version', head('GET / HTTP/1.1 x', 'Host: a')],
    ['a fragment', head('GET /a#b HTTP/1.1', 'Host: a')],
    ['a byte beyond ASCII in the target', head('GET /\xe9 HTTP/1.1', 'Host: a')],
    ['a control character in the target', head('GET /\x01 HTTP/1.1', 'Host: a')],
    ['an encoded NUL in the path', head('GET /a%00b HTTP/1.1', 'Host: a')],
    ['a target that is no path', head('GET a HTTP/1.1', 'Host: a')],
    ['* with another method than OPTIONS', head('GET * HTTP/1.1', 'Host: a')],
    ['authority-form with another method than CONNECT', head('GET a:80 HTTP/1.1', 'Host: a')],
    ['another scheme in absolute-form', head('GET ftp://a/ HTTP/1.1', 'Host: a')],
    ['absolute-form without a host', head('GET http:///x HTTP/1.1', 'Host: a')],
    ['absolute-form with user information', head('GET http://u@a/ HTTP/1.1', 'Host: a')],
    ['CONNECT without a tunnel behind it', head('CONNECT a:80 HTTP/1.1', 'Host: a:80')],
    ['two empty lines before the request', `\r\n\r\n${head('GET / HTTP/1.1', 'Host: a')}`],
    ['something in Connection that is no name', head('GET / HTTP/1.1', 'Host: a', 'Connection: a b')],
  ])('is refused with 400 and closed: %s', async (_what, text) => {
    const answer = await answerTo(text)
    expect(answer).toMatchObject({ status: 400, served: 0, closed: true })
    expect(answer.text).toMatch(/\r\nx-selvage-reason: DPE [ -~]+\r\n/)
    expect(answer.text).toMatch(/\r\nconnection: close\r\n/)
  })
})

describe('a request that is well formed but not for us', () => {
  it.each([
    [505, 'another major version', head('GET / HTTP/2.0', 'Host: a')],
    [505, "HTTP/2's preface", 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [
      501,
      'a transfer coding besides chunked',
      head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked'),
    ],
    [
      417,
      'another expectation than 100-continue',
      head('POST / HTTP/1.1', 'Host: a', 'Expect: a-pony', 'Content-Length: 0'),
    ],
    [414, 'a request line beyond the limit', head(`GET /${'a'.repeat(1024)} HTTP/1.1`, 'Host: a')],
    [431, 'a header section beyond the limit', head('GET / HTTP/1.1', 'Host: a', `X: ${'a'.repeat(8192)}`)],
    [
      431,
      'more fields than the limit',
      head('GET / HTTP/1.1', 'Host: a', ...Array.from({ length: 20 }, () => 'x: y')),
    ],
  ])('is refused with %i and closed: %s', async (status, _what, text) => {
    expect(await answerTo(text)).toMatchObject({ status, served: 0, closed: true })
  })
})

describe('a request that is well formed', () => {
  it.each([
    ['an empty line before it', `\r\n${head('GET / HTTP/1.1', 'Host: a')}`],
    ['a method nobody knows', head('BREW / HTTP/1.1', 'Host: a')],
    ['a higher minor version', head('GET / HTTP/1.2', 'Host: a')],
    ['HTTP/1.0 without Host', head('GET / HTTP/1.0')],
    ['obs-text in a value', head('GET / HTTP/1.1', 'Host: a', 'X: D\xfcsseldorf')],
    ['blanks and tabs around a value', head('GET / HTTP/1.1', 'Host:\t a \t')],
    ['an empty value', head('GET / HTTP/1.1', 'Host: a', 'X:')],
    ['an IPv6 host with a port', head('GET / HTTP/1.1', 'Host: [::1]:8080')],
    ['a quoted string in the query', head('GET /?a="b" HTTP/1.1', 'Host: a')],
    ['100-continue in HTTP/1.0', head('POST / HTTP/1.0', 'Expect: 100-continue', 'Content-Length: 0')],
  ])('is served: %s', async (_what, text) => {
    expect(await answerTo(text)).toMatchObject({ status: 200, served: 1 })
  })
})

describe('what a request asks for', () => {
  const requested = async (text: string) => {
    const { client, requests } = serving(() => response(204))
    client.send(text)
    await client.receives('\r\n\r\n')
    const { method, authority, path, query, scheme } = requests[0]!
    return { method, authority, path, query, scheme }
  }

  it('is its method, its host in lower case, its path and its query', async () => {
    expect(await requested(head('GET /a/b?c=d&e HTTP/1.1', 'Host: Shop.Internal:8080'))).toEqual({
      method: 'GET',
      authority: 'shop.internal:8080',
      path: '/a/b',
      query: 'c=d&e',
      scheme: 'http',
    })
  })

  it('is taken from the target in absolute-form, whatever Host says', async () => {
    expect(await requested(head('GET http://A.example/x?y HTTP/1.1', 'Host: b'))).toMatchObject({
      authority: 'a.example',
      path: '/x',
      query: 'y',
    })
  })

  it('is the root when absolute-form has no path', async () => {
    expect(await requested(head('GET http://a?y HTTP/1.1', 'Host: a'))).toMatchObject({
      path: '/',
      query: 'y',
    })
  })

  it('is the server as a whole for OPTIONS *, in absolute-form too', async () => {
    expect(await requested(head('OPTIONS * HTTP/1.1', 'Host: a'))).toMatchObject({ path: '*' })
    expect(await requested(head('OPTIONS http://a HTTP/1.1', 'Host: a'))).toMatchObject({ path: '*' })
  })

  it('is the normalised path', async () => {
    expect(await requested(head('GET /a/./%2e%2e/b\\c?/../d HTTP/1.1', 'Host: a'))).toMatchObject({
      path: '/b/c',
      query: '/../d',
    })
  })

  it('has no empty port', async () => {
    expect(await requested(head('GET / HTTP/1.1', 'Host: a:'))).toMatchObject({ authority: 'a' })
  })
})
