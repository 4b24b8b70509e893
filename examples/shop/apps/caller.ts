/** Who called, as the header `x-forwarded-client-cert` (Envoy's, widely understood) says. */
import type { IncomingMessage } from 'node:http'

export function callerOf(request: IncomingMessage): string | undefined {
  const header = request.headers['x-forwarded-client-cert']
  const text = Array.isArray(header) ? header[0] : header
  return text === undefined ? undefined : /(?:^|;)URI="?([^;,"]+)/i.exec(text)?.[1]
}
