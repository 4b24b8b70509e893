import { describe, expect, it } from 'vitest'
import type { Failure } from '../../../../proxy/failure.ts'
import { HeaderBlock } from '../../../../proxy/header-block.ts'
import type { Response } from '../../../../proxy/message.ts'
import type { Transport } from '../../../../proxy/transport.ts'
import { type Collected, collect } from '../../../support/collect.ts'
import { RawPeer } from '../../../support/raw-peer.ts'
import { until } from '../../../support/until.ts'
import { response, type Served, serving } from './serving.ts'

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n'
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`

/** Serves by reading the body, and keeps what it was. */
function reading() {
  const bodies: Collected[] = []
  const broken: Failure[] = []
  const served = serving(async request => {
    try {
      bodies.push(await collect(request.body))
    } catch (error) {
      broken.push(error as Failure)
    }
    return response(200, 'ok')
  })
  return { ...served, bodies, broken }
}

describe('a chunked body', () => {
  it.each([
    ['chunks', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'hello world'],
    ['sizes with leading zeros', '00005\r\nhello\r\n000\r\n\r\n', 'hello'],
    [
      'hexadecimal sizes in both cases',
      `a\r\n0123456789\r\nB\r\n0123456789x\r\n0\r\n\r\n`,
      '01234567890123456789x',
    ],
    ['extensions, which are dropped', '5;a=b;c="d\\";e"\r\nhello\r\n0;x\r\n\r\n', 'hello'],
    ['nothing', '0\r\n\r\n', ''],
  ])('is read: %s', async (_what, text, body) => {
    const { client, bodies, requests } = reading()
    await client.send(CHUNKED + text).receives('ok')
    expect(bodies).toEqual([{ text: body, trailers: undefined }])
    expect(requests[0]!.body.length).toBeUndefined()
    expect(client.text).not.toContain('connection: close')
  })

  it('has its trailers, without those that frame, route or authenticate', async () => {
    const { client, bodies } = reading()
    await client
      .send(`${CHUNKED}0\r\nX-Sum: 1\r\nHost: evil\r\nAuthorization: x\r\nX-Selvage-A: 1\r\n\r\n`)
      .receives('ok')
    const fields: [string, string][] = []
    bodies[0]!.trailers!.forEach((name, value) => {
      fields.push([name, value])
    })
    expect(fields).toEqual([['x-sum', '1']])
  })

  it.each([
    ['no size', '\r\nhello\r\n'],
    ['a size that is no number', 'x\r\nhello\r\n'],
    ['a sign', '-5\r\nhello\r\n'],
    ['0x', '0x5\r\nhello\r\n'],
    ['a blank behind the size', '5 \r\nhello\r\n0\r\n\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
    ['a size that overflows', 'fffffffffffffffff\r\n'],
    ['a bare LF behind the size', '5\nhello\r\n0\r\n\r\n'],
    ['a CR alone behind the size', '5\rhello'],
    ['data longer than its size', '5\r\nhello!\r\n0\r\n\r\n'],
    ['a bare LF behind the data', '5\r\nhello\n0\r\n\r\n'],
    ['a control character in an extension', '5;a\x01\r\nhello\r\n0\r\n\r\n'],
    ['an open quote in an extension', '5;a="b\r\nhello\r\n0\r\n\r\n'],
    ['extensions beyond the limit', `5;${'a'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`],
    ['a trailer that cannot be read', '0\r\nX : y\r\n\r\n'],
    ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n'],
  ])('is refused with 400 and breaks whoever reads it: %s', async (_what, text) => {
    const { client, broken } = reading()
    expect(await client.send(CHUNKED + text).receivesAll()).toMatch(/^HTTP\/1\.1 400 /)
    expect(broken.map(each => each.code)).toEqual(['bad-request'])
  })

  it('is refused with 431 when its trailers are beyond the limit', async () => {
    const { client } = reading()
    expect(await client.send(`${CHUNKED}0\r\nX: ${'y'.repeat(9000)}\r\n\r\n`).receivesAll()).toMatch(
      /^HTTP\/1\.1 431 /,
    )
  })

  it.each([
    ['announced', `${POST}Content-Length: 101\r\n\r\n`],
    ['chunked', `${CHUNKED}65\r\n${'x'.repeat(101)}\r\n0\r\n\r\n`],
  ])('is refused with 413 beyond the limit: %s', async (_what, text) => {
    const { client } = serving(async request => response(200, (await collect(request.body)).text), {
      limits: { maxBodyBytes: 100 },
    })
    expect(await client.send(text).receivesAll()).toMatch(/^HTTP\/1\.1 413 /)
  })
})

describe('a body that nobody reads', () => {
  it('is read away when it is short, and the connection goes on', async () => {
    const { client } = serving(() => response(200, 'ok'))
    client.send(`${POST}Content-Length: 5\r\n\r\nhel`)
    await client.receives('ok')
    client.send(`lo${POST}Content-Length: 0\r\n\r\n`)
    await client.receives(/ok[\s\S]*ok/)
  })

  it.each([
    ['long', `${POST}Content-Length: 1000000\r\n\r\nhello`],
    ['without length and long', `${CHUNKED}fffff\r\n${'x'.repeat(100_000)}`],
  ])('ends the connection behind the answer when it is %s', async (_what, text) => {
    const { client } = serving(() => response(200, 'ok'))
    expect(await client.send(text).receivesAll()).toMatch(/ok$/)
  })

  it('is never taken for the next request', async () => {
    const { client, requests } = serving(() => response(403, 'no'))
    const smuggled = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n'
    client.send(
      `${POST}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`,
    )
    await client.receives(/no[\s\S]*no/)
    expect(requests.map(each => each.path)).toEqual(['/', '/next'])
  })

  it('is not read ahead while the answer is not there', async () => {
    const { client, requests } = serving(() => new Promise<Response>(() => {}), { link: { kernelBytes: 0 } })
    client.send(`${POST}Content-Length: 1000000\r\n\r\n`)
    await until('it is served', () => requests.length > 0)
    for (let i = 0; i < 10; i++) {
      client.send('x'.repeat(65536))
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    expect(client.transport.pendingBytes).toBeGreaterThan(400_000)
  })
})

describe('Expect: 100-continue', () => {
  const EXPECTS = `${POST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`

  it('is answered when the body is first wanted, and not before', async () => {
    let goOn = (): void => {}
    const { client, requests } = serving(async request => {
      await new Promise<void>(resolve => (goOn = resolve))
      return response(200, (await collect(request.body)).text)
    })
    client.send(EXPECTS)
    await until('it is served', () => requests.length > 0)
    expect(requests[0]!.expectsContinue).toBe(true)
    expect(client.text).toBe('')
    goOn()
    await client.receives('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('hello')
    expect(await client.receives('hello')).toMatch(/100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
  })

  it('is not answered when the body came without waiting', async () => {
    const { client } = reading()
    expect(await client.send(`${EXPECTS}hello`).receives('ok')).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('ends the connection when the answer comes first: the client may or may not send the body', async () => {
    const { client } = serving(() => response(417, 'no'))
    expect(await client.send(EXPECTS).receivesAll()).toMatch(/^HTTP\/1\.1 417 [\s\S]*connection: close/)
  })
})

describe('interim responses', () => {
  it('are passed on before the final one', async () => {
    const { client } = serving(request => {
      request.sendInterim(
        103,
        HeaderBlock.of([
          ['link', '</a.css>'],
          ['connection', 'x'],
          ['content-length', '5'],
        ]),
      )
      return response(200, 'ok')
    })
    expect(await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').receives('ok')).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a\.css>\r\nvia: 1\.1 selvage\r\n\r\nHTTP\/1\.1 200 /,
    )
  })

  it('are not sent to HTTP/1.0 clients', async () => {
    const { client } = serving(request => {
      request.sendInterim(103, HeaderBlock.EMPTY)
      return response(200, 'ok')
    })
    expect(await client.send('GET / HTTP/1.0\r\n\r\n').receivesAll()).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('announceProcessing', () => {
  /** `whileWaiting` runs if there is something to wait for. */
  const announcing = (
    text: string,
    kernelBytes: number,
    whileWaiting: () => void = () => {},
  ): Served & { steps: string[] } => {
    const steps: string[] = []
    const served: Served = serving(
      async request => {
        const announced = request.announceProcessing()
        steps.push(announced === undefined ? 'nothing to wait for' : 'waits')
        if (announced !== undefined) whileWaiting()
        await announced?.then(
          () => steps.push(`left: ${served.client.text.startsWith('HTTP/1.1 102 Processing\r\n\r\n')}`),
          failure => steps.push(failure.code),
        )
        if (!steps.includes('downstream-gone')) steps.push(String(request.announceProcessing()))
        return response(200, 'ok')
      },
      { link: { kernelBytes } },
    )
    served.client.send(text)
    return { ...served, steps }
  }

  it('says 102 for a method that is not idempotent', async () => {
    const { client, steps } = announcing(`${POST}Content-Length: 0\r\n\r\n`, 65536)
    expect(await client.receives('ok')).toMatch(/^HTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 200 /)
    expect(steps).toEqual(['nothing to wait for', 'undefined'])
  })

  it('says nothing for one that is', async () => {
    const { client } = announcing('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n', 65536)
    expect(await client.receives('ok')).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('resolves when the 102 has left the process, and says it once', async () => {
    const { client, steps } = announcing(`${POST}Content-Length: 0\r\n\r\n`, 0)
    await client.receives('ok')
    expect(steps).toEqual(['waits', 'left: true', 'undefined'])
  })

  it('rejects when the client is gone before that', async () => {
    const served: Served & { steps: string[] } = announcing(`${POST}Content-Length: 0\r\n\r\n`, 0, () =>
      served.client.transport.reset(),
    )
    await until('it fails', () => served.steps.includes('downstream-gone'))
  })

  it('rejects when the client is gone already', async () => {
    const { client, requests, closed } = serving(() => new Promise<Response>(() => {}))
    client.send(`${POST}Content-Length: 0\r\n\r\n`)
    await until('it is served', () => requests.length > 0)
    client.transport.reset()
    await until('it is closed', closed)
    await expect(requests[0]!.announceProcessing()).rejects.toMatchObject({ code: 'downstream-gone' })
  })
})

describe('CONNECT', () => {
  it('hands the connection over, with what came behind the request and what comes before it is taken', async () => {
    const taken: { authority: string; transport: Transport }[] = []
    const { client, requests } = serving(() => response(200), {
      onConnect: (authority, transport) => taken.push({ authority, transport }),
    })
    client.send('CONNECT Db.Internal:5432 HTTP/1.1\r\nHost: db.internal:5432\r\n\r\nfirst')
    await until('it is taken', () => taken.length > 0)
    client.send(' second')
    await new Promise(resolve => setTimeout(resolve, 5))
    expect(taken[0]!.authority).toBe('db.internal:5432')
    const behind = new RawPeer(taken[0]!.transport)
    await behind.receives('first second')
    client.send(' third')
    await behind.receives('first second third')
    expect(requests).toEqual([])
  })

  it('is refused when its target has no port', async () => {
    const { client } = serving(() => response(200), { onConnect: () => {} })
    expect(await client.send('CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n').receivesAll()).toMatch(
      /^HTTP\/1\.1 400 /,
    )
  })
})
