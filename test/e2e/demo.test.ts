import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Summary } from '../../examples/shop/summary.ts'

const DEMO = join(import.meta.dirname, '../../examples/shop/demo.ts')
const PATIENCE_MS = 300_000

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the demo as a person does. */
const run = (...words: string[]): Promise<Run> =>
  new Promise(resolve => {
    const child = spawn(process.execPath, [DEMO, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    child.on('close', code => resolve({ code, stdout, stderr }))
  })

describe('npm run demo -- --json', () => {
  let demo: Run
  let summary: Summary

  beforeAll(async () => {
    demo = await run('--json')
    // Its own words say what did not hold, whichever expectation fails first.
    if (demo.code !== 0) process.stderr.write(demo.stderr)
    summary = JSON.parse(demo.stdout) as Summary
  }, PATIENCE_MS)

  it('exits 0, with progress on stderr and nothing but JSON on stdout', () => {
    expect(demo.code).toBe(0)
    expect(demo.stderr).toMatch(/interception: (loopback|explicit)/)
    expect(demo.stderr).not.toContain('did not hold')
  })

  it('splits 90/10 within 3 points over at least 2,000 requests', () => {
    const { 'payments/v1': v1, 'payments/v2': v2 } = summary.split
    expect(v1 + v2).toBeGreaterThanOrEqual(2_000)
    expect(Math.abs((100 * v2) / (v1 + v2) - 10)).toBeLessThanOrEqual(3)
  })

  it('sends every beta tester to v2', () => {
    expect(summary.betaTesters['payments/v1']).toBe(0)
    expect(summary.betaTesters['payments/v2']).toBeGreaterThan(100)
  })

  it('fails no idempotent request, through weight change, kills and the control plane’s end', () => {
    expect(summary.failed).toBe(0)
    expect(summary.instanceKilled.failed).toBe(0)
    expect(summary.controlPlaneStopped).toMatchObject({ failed: 0 })
    expect(summary.controlPlaneStopped.requests).toBeGreaterThan(100)
  })

  it('fails no POST that no app received', () => {
    expect(summary.instanceKilled.failedPosts).toBe(0)
  })

  it('enforces the weight change within a second', () => {
    expect(summary.weightChange.enforcedAfterMs).toBeGreaterThanOrEqual(0)
    expect(summary.weightChange.enforcedAfterMs).toBeLessThanOrEqual(1_000)
  })

  it('ejects the broken endpoint after the five errors of the document', () => {
    expect(summary.ejected.afterErrors).toBe(5)
  })

  it('refuses the unauthorised caller and says why', () => {
    expect(summary.denied.status).toBe(403)
    expect(summary.denied.reason).toMatch(/orders/)
  })

  it('speaks TLS 1.3 between proven identities', () => {
    expect(summary.mtls.protocol).toBe('TLSv1.3')
    expect(summary.mtls.peer).toMatch(/^spiffe:\/\/shop\.internal\/workload\//)
  })

  it('measures latency', () => {
    const { p50Ms, p99Ms } = summary.latency
    expect(p50Ms).toBeGreaterThan(0)
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms!)
  })
})

describe('npm run demo, interrupted', () => {
  it('leaves no process and no file behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'selvage-demo-test-'))
    const child = spawn(process.execPath, [DEMO, '--json'], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ended = new Promise<number | null>(resolve => child.on('close', resolve))
    try {
      await seen(child.stderr, /mutual TLS on every edge/)
      const [state] = readdirSync(folder)
      const operator = readFileSync(join(folder, state!, 'control/operator.json'), 'utf8')
      const control = new URL((JSON.parse(operator) as { url: string }).url)
      expect(await listens(Number(control.port))).toBe(true)
      child.kill('SIGINT')
      expect(await ended).toBe(130)
      expect(readdirSync(folder)).toEqual([])
      expect(await listens(Number(control.port))).toBe(false)
    } finally {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  }, 300_000)
})

describe('npm run demo, when a process dies that nobody killed', () => {
  it('ends with exit code 1, the name of the process and no summary that could be taken for good', async () => {
    const child = spawn(process.execPath, [DEMO], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    const ended = new Promise<number | null>(resolve => child.on('close', resolve))
    try {
      await seen(child.stdout, /mutual TLS on every edge/)
      process.kill(pidOfChild(child.pid!, 'apps/orders.ts'), 'SIGKILL')
      expect(await ended).toBe(1)
      expect(stderr).toMatch(/did not hold: app orders ended \(SIGKILL\)/)
      expect(stderr).toMatch(/did not hold: traffic without the control plane/)
    } finally {
      child.kill('SIGKILL')
    }
  }, 300_000)
})

function pidOfChild(parent: number, script: string): number {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
  for (const line of table.split('\n')) {
    const [, pid, ppid, words] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    if (Number(ppid) === parent && words?.includes(script)) return Number(pid)
  }
  throw new Error(`no child of ${parent} runs ${script}`)
}

const seen = (stream: Readable, pattern: RegExp): Promise<void> =>
  new Promise((resolve, reject) => {
    let text = ''
    stream.on('data', chunk => {
      text += chunk
      if (pattern.test(text)) resolve()
    })
    stream.on('end', () => reject(new Error(`the demo ended before ${pattern}:\n${text}`)))
  })

const listens = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

describe('npm run demo with an argument that it does not know', () => {
  it('says so, how it is used, and exits 2', async () => {
    const { code, stdout, stderr } = await run('--jsn')
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/unknown argument "--jsn"[\s\S]*--json/)
  })
})
