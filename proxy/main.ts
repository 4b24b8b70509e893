/**
 * The sidecar as a process: environment → settings → start; SIGTERM or SIGINT → drain, a second one → stop at once.
 * Prints `{"event":"listening", …}` when its ports are open and `{"event":"ready", …}` when it carries traffic,
 * whatever the log level; every other line is its log.
 *
 * Exit codes: 0 drained; 2 a setting is wrong; 3 a port, file or directory cannot be had; 4 the control plane refused
 * this workload; 5 a defect of Selvage itself.
 */
import { systemClock } from './clock.ts'
import { tuneEngine } from './engine.ts'
import { IdentityRefused } from './identity/identity-source.ts'
import { type RunningProxy, startProxy } from './proxy.ts'
import { readSettings, SettingsError, unknownVariables } from './settings.ts'
import { createLog } from './telemetry/log.ts'
import { Counter } from './telemetry/metrics.ts'
import { openOutput } from './telemetry/output.ts'

/** Explicit listeners are known with the first snapshot; somebody may wait for the other addresses. */
const LISTENING_WITHIN_MS = 2000
const FLUSH_WITHIN_MS = 1000

const EXIT = { drained: 0, setting: 2, missing: 3, refused: 4, defect: 5 } as const

const output = openOutput(1, systemClock, new Counter())

const announce = (event: string, fields: object): void =>
  output.write(`${JSON.stringify({ event, time: systemClock.now(), ...fields })}\n`)

async function exit(code: number): Promise<never> {
  await within(FLUSH_WITHIN_MS, output.flush())
  process.exit(code)
}

/** One sentence for people, on stderr; the log has it as well. */
function fail(error: unknown): Promise<never> {
  const message = error instanceof Error ? error.message : String(error)
  for (const sentence of message.split('\n')) process.stderr.write(`selvage proxy: ${sentence}\n`)
  announce('failed', { reason: message })
  return exit(exitCodeOf(error))
}

function exitCodeOf(error: unknown): number {
  if (error instanceof SettingsError) return EXIT.setting
  return error instanceof IdentityRefused ? EXIT.refused : EXIT.missing
}

function tellDefect(error: unknown): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`selvage proxy: a defect: ${reason}\n`)
  announce('defect', { reason })
}

/** Whatever was in the middle of something when this was thrown, is in the middle of it for ever. */
function onDefect(error: unknown): void {
  tellDefect(error)
  void exit(EXIT.defect)
}

/** Whether somebody has asked this process to end. */
function onSignals(proxy: RunningProxy): () => boolean {
  let signals = 0
  const leave = (): void => {
    signals++
    const left = signals === 1 ? proxy.drain() : proxy.stop()
    left.then(() => exit(EXIT.drained), onDefect)
  }
  process.on('SIGTERM', leave)
  process.on('SIGINT', leave)
  return () => signals > 0
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const late = new Promise<void>(resolve => systemClock.after(ms, resolve))
  await Promise.race([work, late])
}

async function main(): Promise<void> {
  tuneEngine()
  process.on('uncaughtException', onDefect)
  // A promise that nobody waited for takes nothing else with it.
  process.on('unhandledRejection', tellDefect)
  const settings = readSettings(process.env)
  const log = createLog(output, settings.logLevel)
  for (const name of unknownVariables(process.env)) {
    log.warn({ event: 'unknown-variable', name }, `${name} is no setting of the proxy and has no effect`)
  }
  const proxy = await startProxy(settings, { output, log })
  const leaving = onSignals(proxy)
  const ready = proxy.ready()
  // A failure is told below.
  await within(
    LISTENING_WITHIN_MS,
    ready.catch(() => {}),
  )
  announce('listening', proxy.addresses)
  try {
    await ready
  } catch (error) {
    if (leaving()) return
    throw error
  }
  announce('ready', proxy.addresses)
}

main().catch(fail)
