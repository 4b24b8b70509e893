import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { waitFor } from '../../../examples/shop/clock.ts'
import { Fleet } from '../../../examples/shop/processes.ts'

describe('Fleet', () => {
  const folders: string[] = []
  const fleet = new Fleet()
  afterEach(() => {
    fleet.killAllNow()
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })
  const script = (text: string): URL => {
    const folder = mkdtempSync(join(tmpdir(), 'selvage-fleet-'))
    folders.push(folder)
    const file = join(folder, 'script.js')
    writeFileSync(file, text)
    return pathToFileURL(file)
  }
  const start = (text: string) => fleet.start({ name: 'app', script: script(text), env: {} })

  it('hands out the events that a process prints', async () => {
    const process = start(
      `console.log('words'); console.log('{"event":"listening","port":7}'); setInterval(() => {}, 9)`,
    )
    expect(await process.event('listening', 60_000)).toEqual({ event: 'listening', port: 7 })
  })

  it('quotes the last words of a process that ended before its event', async () => {
    const process = start(`console.error('port 80: permission denied'); process.exit(3)`)
    await expect(process.event('listening', 60_000)).rejects.toThrow(/exit code 3[\s\S]*permission denied/)
  })

  it('tells of a process that ended by itself, and not of one that was killed', async () => {
    const ended: string[] = []
    fleet.onUnexpectedEnd = process => ended.push(process.spec.name)
    const killed = start('setInterval(() => {}, 9)')
    await killed.kill()
    expect(ended).toEqual([])
    start('process.exit(0)')
    await waitFor('the end', 60_000, () => ended.length === 1)
  })

  it('leaves no process behind when its own process is killed', async () => {
    const child = script(`
      const server = require('node:net').createServer().listen(0, '127.0.0.1', () =>
        console.log(JSON.stringify({ event: 'listening', port: server.address().port })))`)
    const module = new URL('../../../examples/shop/processes.ts', import.meta.url).href
    const parent = script(`
      import(${JSON.stringify(module)}).then(async ({ Fleet }) => {
        const child = new Fleet().start({ name: 'child', script: new URL(${JSON.stringify(child.href)}), env: {} })
        console.log((await child.event('listening', 60_000)).port)
      })`)
    const run = spawn(process.execPath, [parent.pathname], { stdio: ['ignore', 'pipe', 'inherit'] })
    const port = await new Promise<number>(resolve => run.stdout.once('data', text => resolve(Number(text))))
    expect(await listens(port)).toBe(true)
    run.kill('SIGKILL')
    await waitFor('the child to be gone', 60_000, async () => !(await listens(port)))
  })
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
