/** Where failures end: a connection of plain bytes has no other answer than to break. */
import { Failure } from '../failure.ts'
import type { Log } from '../telemetry/log.ts'
import type { Connection, ConnectionFilter } from './connection.ts'

export const rescue =
  ({ log }: { readonly log: Log }): ConnectionFilter =>
  next =>
  async connection => {
    try {
      await next(connection)
      connection.finish(undefined)
    } catch (error) {
      const failure = asFailure(error)
      connection.finish(failure)
      connection.transport.reset()
      tell(connection, failure, log)
    }
  }

const asFailure = (error: unknown): Failure =>
  error instanceof Failure
    ? error
    : new Failure('internal', error instanceof Error ? error.message : String(error))

/** The only place where whoever wonders about a broken connection can look. */
function tell({ arrival }: Connection, { code, message }: Failure, log: Log): void {
  const { direction, service, port, source, remoteAddress } = arrival
  const fields = {
    event: 'connection-failed',
    direction,
    service,
    port,
    source,
    remote: remoteAddress,
    code,
    reason: message,
  }
  const sentence = `a connection of ${source ?? remoteAddress} to ${service}:${port} broke: ${message}`
  if (code === 'internal') log.error(fields, sentence)
  else if (code === 'downstream-gone') log.debug(fields, sentence)
  else log.warn(fields, sentence)
}
