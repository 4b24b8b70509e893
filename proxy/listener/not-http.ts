/** The log line for what an app sends to an HTTP port and cannot be read as HTTP: it says what to do about it. */
import type { Arrival } from '../exchange.ts'
import type { Failure } from '../failure.ts'
import type { Log } from '../telemetry/log.ts'

/** For `Serving.onProtocolError` of one outbound connection. */
export const notHttp =
  ({ service, port, remoteAddress }: Arrival, log: Log) =>
  (failure: Failure, first: boolean): void => {
    const { code, message } = failure
    const fields = { direction: 'outbound', service, port, remote: remoteAddress, code, reason: message }
    if (!first || code !== 'bad-request') {
      log.warn(
        { event: 'protocol-error', ...fields },
        `a request to ${service}:${port} is refused: ${message}`,
      )
      return
    }
    const remedy = `if these are bytes of another protocol, declare protocol: 'tcp' for port ${port} of ${service}`
    log.warn(
      { event: 'not-http', ...fields },
      `what came for ${service}:${port} cannot be read as HTTP (${message}): ${remedy}`,
    )
  }
