/**
 * llhttp's cases. Their set switches single checks off for the lenient kinds; what only those accept, we refuse.
 *
 * Three things are adapted. The last line end of an input was lost in the conversion of the set and is put back. The
 * cases have no Host, without which every request is refused, so one is put in. And responses come after one request,
 * so that only the first of them is looked at; what follows must end the connection.
 */
import { expect, it } from 'vitest'
import type { BodySource } from '../../proxy/body.ts'
import type { HeaderBlock } from '../../proxy/header-block.ts'
import { Outgoing, sending } from '../proxy/codec/http1/sending.ts'
import { response, serving } from '../proxy/codec/http1/serving.ts'
import { describeCases } from '../support/cases.ts'
import { until } from '../support/until.ts'
import { EXCEPTIONS } from './http1-llhttp-exceptions.ts'

interface Case {
  readonly id: string
  readonly name: string
  readonly meta: { readonly type?: string; readonly skipBody?: boolean }
  readonly http: string
  readonly input_base64: string
  readonly log: string
  readonly outcome: 'ok' | { readonly error: { readonly code: number } }
}

/** What a parser understood of one message. Trailers are among the fields, behind them. */
interface Understood {
  readonly messages: readonly Message[]
  readonly refused: boolean
}

interface Message {
  start: string
  readonly fields: string[]
  body: string
}

/** Pauses of llhttp (21 to 23) are no failures: it stops at an upgrade, which we do not offer and read on. */
const isRefused = ({ outcome }: Case): boolean =>
  outcome !== 'ok' && (outcome.error.code < 21 || outcome.error.code > 23)

function inputOf({ input_base64, http }: Case): string {
  const lost = http.endsWith('\n\n') ? '\r\n' : ''
  return Buffer.from(input_base64, 'base64').toString('latin1') + lost
}

/** A Host behind each request line that has none. */
const withHost = (input: string): string =>
  input.replace(/( HTTP\/1\.1\r\n)((?:[^\r\n]+\r\n)*)/g, (_, line: string, fields: string) =>
    /^host[ \t]*:/im.test(fields) ? line + fields : `${line}Host: a\r\n${fields}`,
  )

const SPAN = /^off=\d+ len=\d+ span\[(\w+)\]=(?:"(.*)"|(cr|lf))$/

/** The messages that the upstream log tells of. */
function messagesOf({ log }: Case): Message[] {
  const messages: Message[] = []
  let name = ''
  let value = ''
  for (const line of log.split('\n')) {
    const [, kind, quoted, special] = SPAN.exec(line) ?? []
    const text = special === undefined ? unescaped(quoted ?? '') : { cr: '\r', lf: '\n' }[special]!
    const message = messages.at(-1)!
    if (line.endsWith('message begin')) messages.push({ start: '', fields: [], body: '' })
    else if (line.endsWith('header_value complete'))
      message.fields.push(`${name.toLowerCase()}: ${value.trim()}`)
    else if (kind === 'method') message.start = text
    else if (kind === 'url') message.start += ` ${text}`
    else if (kind === 'header_field') [name, value] = [text, '']
    else if (kind === 'header_value') value += text
    else if (kind === 'body') message.body += text
    const status = / status=(\d+) /.exec(line)
    if (status !== null) message.start = status[1]!
  }
  return messages
}

const unescaped = (text: string): string =>
  text.replace(/\\([\\trf])/g, (_, code: string) => ({ r: '\r', t: '\t', f: '\f' })[code] ?? code)

/** Adds to a message what is read of it. */
function reading(message: Message, headers: HeaderBlock, body: BodySource, over: () => void): void {
  const add = (name: string, value: string): void => void message.fields.push(`${name}: ${value}`)
  headers.forEach(add)
  body.pipe({
    write(chunk) {
      message.body += chunk.toString('latin1')
      return true
    },
    end(trailers) {
      trailers?.forEach(add)
      over()
    },
    reset: over,
  })
}

/** Sends the input as requests; answers what was read of them, and whether one was refused. */
async function asRequests(input: string): Promise<Understood> {
  const messages: Message[] = []
  const { client, closed } = serving(
    ({ method, path, query, headers, body }) =>
      new Promise(answer => {
        const message: Message = { start: `${method} ${path}${query && `?${query}`}`, fields: [], body: '' }
        messages.push(message)
        reading(message, headers, body, () => answer(response(200)))
      }),
  )
  client.send(input)
  client.transport.end()
  await until('the connection is closed', closed)
  return { messages, refused: /HTTP\/1\.1 [45]/.test(client.text) }
}

/** Sends the input as the answer to one request. */
async function asResponse(input: string): Promise<Understood> {
  const { server, connection, closed } = sending()
  const messages: Message[] = []
  const request = new Outgoing()
  const answer = connection.send(request)
  server.send(input)
  server.transport.end()
  await answer.then(
    ({ status, headers, body }) => {
      const message: Message = { start: String(status), fields: [], body: '' }
      messages.push(message)
      reading(message, headers, body, () => {})
    },
    () => {},
  )
  await until('the connection is closed', closed)
  return { messages, refused: request.ends[0]?.code === 'upstream-protocol' }
}

const FILES = [
  ...[
    'connection',
    'content-length',
    'finish',
    'invalid',
    'lenient-header-value-relaxed',
    'lenient-headers',
    'lenient-version',
  ].map(name => `request/${name}.json`),
  ...['method', 'pausing', 'pipelining', 'sample', 'transfer-encoding', 'uri'].map(
    name => `request/${name}.json`,
  ),
  ...[
    'connection',
    'content-length',
    'finish',
    'invalid',
    'lenient-version',
    'pausing',
    'pipelining',
    'sample',
    'transfer-encoding',
  ].map(name => `response/${name}.json`),
]

/** Ours are in their words, except for what was put in. */
const withoutHost = (messages: readonly Message[]): Message[] =>
  messages.map(each => ({ ...each, fields: each.fields.filter(field => field !== 'host: a') }))

describeCases('http1-llhttp', 'llhttp', read => {
  for (const each of FILES.flatMap(file => read(file) as Case[])) {
    const isRequest = each.id.startsWith('request/')
    const isStrict = !each.meta.type?.includes('lenient')
    const { refused, why } = { refused: isRefused(each) || !isStrict, ...EXCEPTIONS[each.id] }
    const verdict = `${refused ? 'refuses' : 'reads'}${why === undefined ? '' : ` (${why})`}`
    it(`${verdict} ${each.id}: ${each.name}`, async () => {
      const input = inputOf(each)
      const understood = isRequest ? await asRequests(withHost(input)) : await asResponse(input)
      expect(understood.refused).toBe(refused)
      if (refused || why !== undefined) return
      const expected = messagesOf(each)
      // Interim responses never reach the filters.
      expect(withoutHost(understood.messages)).toEqual(
        withoutHost(isRequest ? expected : expected.slice(0, 1)),
      )
    })
  }
})
