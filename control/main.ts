/**
 * The control plane as a process. Environment: SELVAGE_MESH, SELVAGE_CONTROL_ADDRESS (host:port),
 * SELVAGE_STATE_DIR, SELVAGE_TRUST_DOMAIN, SELVAGE_CERTIFICATE_TTL, SELVAGE_ADDRESS_RANGE. Prints one line of JSON
 * when it listens, logs to stderr, and ends at SIGTERM or SIGINT.
 */
import { pino } from 'pino'
import { startControlPlane } from './embedded.ts'
import { readSettings } from './settings.ts'

const LOG_TO = 2

async function main(): Promise<void> {
  const logger = pino(pino.destination({ fd: LOG_TO, sync: true }))
  const plane = await startControlPlane({ ...readSettings(process.env), logger })
  let stopping = false
  const stop = (): void => {
    if (stopping) return
    stopping = true
    plane.stop().then(
      () => process.exit(0),
      error => fail(error),
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.stdout.write(
    `${JSON.stringify({ event: 'listening', url: plane.url, caSha256: plane.caSha256 })}\n`,
  )
}

function fail(error: unknown): void {
  process.stderr.write(`selvage control plane: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}

main().catch(fail)
