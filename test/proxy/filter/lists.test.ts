import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import type { Exchange, Handler } from '../../../proxy/exchange.ts'
import { FROM_PEER, OUTBOUND } from './fake-request.ts'
import { fakeSidecar } from './fake-sidecar.ts'

const ROOM = resolve(import.meta.dirname, '../../../proxy')
const scratch = mkdtempSync(join(tmpdir(), 'selvage-lists-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** The lines that name a filter, in order. */
const linesOf = (source: string): string[] =>
  [...source.matchAll(/^ +(\w+)\(.*\),? \/\/ .*$/gm)].map(([, name]) => name!)

/** The list of a file as it would be if somebody deleted the line of one filter. */
async function without(filter: string, direction: 'inbound' | 'outbound') {
  const source = readFileSync(join(ROOM, `${direction}.ts`), 'utf8')
  const lines = source.split('\n').filter(line => !line.trimStart().startsWith(`${filter}(`))
  expect(lines.length).toBe(source.split('\n').length - 1)
  const file = join(scratch, `${direction}-without-${filter}.ts`)
  writeFileSync(file, lines.join('\n').replace(/from '\.{1,2}\/[^']*'/g, absolute))
  return (await import(pathToFileURL(file).href)) as Record<string, (its: object) => Handler<Exchange>>
}

const absolute = (from: string): string => `from '${resolve(ROOM, from.slice(6, -1))}'`

const ALL = {
  outbound: [
    'accessLog',
    'trace',
    'metrics',
    'rescue',
    'route',
    'timeout',
    'grpcTimeout',
    'retry',
    'grpcTimeoutLeft',
    'balance',
    'circuitBreaker',
    'outlierDetection',
  ],
  inbound: [
    'accessLog',
    'trace',
    'metrics',
    'rescue',
    'identity',
    'routeToApp',
    'access',
    'timeout',
    'grpcTimeout',
  ],
}
const OPTIONAL = {
  outbound: [
    'accessLog',
    'trace',
    'metrics',
    'timeout',
    'grpcTimeout',
    'retry',
    'grpcTimeoutLeft',
    'circuitBreaker',
    'outlierDetection',
  ],
  inbound: ['accessLog', 'trace', 'metrics', 'identity', 'access', 'timeout', 'grpcTimeout'],
}

describe.each(['outbound', 'inbound'] as const)('%s.ts', direction => {
  it('names each filter once, in request order', () => {
    expect(
      linesOf(readFileSync(join(ROOM, `${direction}.ts`), 'utf8')).slice(0, ALL[direction].length),
    ).toEqual(ALL[direction])
  })

  it.each(OPTIONAL[direction])('serves requests without the line of %s', async filter => {
    const { its, connector, sendTo, clock } = await fakeSidecar()
    const list = await without(filter, direction)
    const handler = list[direction]!(its)
    connector.serve = call => call.respond(200, { 'x-app': 'yes' })
    const arrival = direction === 'inbound' ? FROM_PEER : OUTBOUND
    const { response, request, exchange } = sendTo(handler, arrival, { method: 'POST' })
    expect((await response).headers.get('x-app')).toBe('yes')
    request.end()
    await clock.advance(0)
    expect(exchange.record).toMatchObject({ status: 200, flag: '-' })

    connector.serve = call => call.break()
    const failed = sendTo(handler, arrival, { method: 'POST' })
    expect((await failed.response).status).toBe(503)
  })
})
