/**
 * How long an accepted change takes to reach every proxy, and what a proxy costs the control plane:
 * `node bench/control-plane.ts [proxies]`, 1,000 unless given. One control plane process (SQLite, TLS); here as many
 * services as proxies, each calling five others, each with an open hint stream and one connection for fetches.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bearer, type Hint, hintSchema, operatorFileSchema, paths } from '../mesh/protocol.ts'
import { createKeyAndRequest } from '../proxy/identity/csr.ts'

const MESH = 'shop'
const CALLS = 5
const ROUNDS = 5

interface Answer {
  readonly status: number
  readonly text: string
}

const proxies = Number(process.argv[2] ?? 1000)
const stateDir = mkdtempSync(join(tmpdir(), 'selvage-bench-'))
const env = {
  ...process.env,
  SELVAGE_MESH: MESH,
  SELVAGE_STATE_DIR: stateDir,
  SELVAGE_CONTROL_ADDRESS: '127.0.0.1:0',
}
const main = new URL('../control/main.ts', import.meta.url).pathname
const plane = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'ignore'] })
process.on('exit', () => {
  plane.kill('SIGKILL')
  rmSync(stateDir, { recursive: true, force: true })
})
await once(plane.stdout, 'data')
const { url, token } = operatorFileSchema.parse(
  JSON.parse(readFileSync(join(stateDir, 'operator.json'), 'utf8')),
)
const operator = new Agent({ keepAlive: true, rejectUnauthorized: false })

const names = Array.from({ length: proxies }, (_, index) => `s${index}`)
const services = Object.fromEntries(
  names.map((name, index) => {
    const calls = Array.from({ length: CALLS }, (_, step) => names[(index + step + 1) % proxies])
    return [name, { targetPort: 8080, calls: [...new Set(calls)].filter(called => called !== name) }]
  }),
)

let hinted: (hint: Hint, agent: Agent, name: string) => void = () => {}
await publish(1)
const idleBytes = residentBytes()
for (const name of names) await joinMesh(name)
const rounds = []
for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(round + 2))
const perProxyMB = (residentBytes() - idleBytes) / 1e6 / proxies
console.log(JSON.stringify({ proxies, rounds, perProxyMB: Number(perProxyMB.toFixed(3)) }, null, 2))
process.exit(0)

/** Milliseconds from the answer to the PUT until a proxy has the new configuration; the first round is cold. */
async function measure(attempts: number) {
  const gotAtMs: number[] = []
  const all = Promise.withResolvers<void>()
  hinted = (hint, agent, name) => {
    const fetchPart = async () => {
      await call(agent, 'GET', paths.snapshotConfig(MESH, name))
      gotAtMs.push(performance.now())
      if (gotAtMs.length === proxies) all.resolve()
    }
    setTimeout(fetchPart, Math.random() * hint.windowMs)
  }
  await publish(attempts)
  const acceptedMs = performance.now()
  await all.promise
  const took = gotAtMs.map(at => Math.max(0, at - acceptedMs)).sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round(took[Math.min(took.length - 1, Math.floor(share * took.length))] ?? 0)
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

async function joinMesh(name: string): Promise<void> {
  const issued = await call(operator, 'POST', paths.joinTokens(MESH), { workload: name }, token)
  const { privateKeyPem: key, csrPem: csr } = await createKeyAndRequest()
  const joinToken: string = JSON.parse(issued.text).token
  const answer = await call(operator, 'POST', paths.certificate(MESH, name), { csr }, joinToken)
  const cert: string = JSON.parse(answer.text).certificate
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false, cert, key })
  await call(agent, 'GET', paths.snapshotConfig(MESH, name))
  const stream = request(new URL(paths.hints(MESH, name), url), {
    agent: new Agent({ rejectUnauthorized: false, cert, key }),
  })
  const first = Promise.withResolvers<void>()
  stream.on('response', response => {
    response.setEncoding('utf8').on('data', (text: string) => {
      const [, data] = /^data: (.*)$/m.exec(text) ?? []
      if (data === undefined) return
      first.resolve()
      hinted(hintSchema.parse(JSON.parse(data)), agent, name)
    })
  })
  stream.end()
  await first.promise
}

async function publish(attempts: number): Promise<void> {
  const document = { name: MESH, services, defaults: { retry: { attempts } } }
  const condition = attempts === 1 ? {} : { 'if-match': '*' }
  const { status, text } = await call(
    operator,
    'PUT',
    paths.fragment(MESH, 'mesh'),
    document,
    token,
    condition,
  )
  if (status !== 200) throw new Error(`the mesh was not accepted: ${status} ${text.slice(0, 500)}`)
}

function call(
  agent: Agent,
  method: string,
  path: string,
  value?: unknown,
  bearerToken?: string,
  conditions: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = value === undefined ? undefined : JSON.stringify(value)
  const headers = {
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }),
    ...(bearerToken !== undefined && { authorization: bearer(bearerToken) }),
    ...conditions,
  }
  return new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, agent, headers }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Of the control plane's process; Linux only. */
function residentBytes(): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${plane.pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}
