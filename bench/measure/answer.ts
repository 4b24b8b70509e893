/** Correct first: what comes through a proxy must be what the app answers. */
import { HUGE_BYTES, LARGE_BYTES, ROUTE_COUNT, requestPaths, SMALL_BYTES } from '../document.ts'

export type BodyKind = 'small' | 'large' | 'huge'

const BODY_BYTES: Readonly<Record<BodyKind, number>> = {
  small: SMALL_BYTES,
  large: LARGE_BYTES,
  huge: HUGE_BYTES,
}
const ANSWER_TIMEOUT_MS = 10_000

/** What the load generator asks for. */
export const urlOf = (origin: string, body: BodyKind): string => `${origin}${requestPaths[body](ROUTE_COUNT)}`

/** Sends one request through the proxy and one past it. Throws when they differ. */
export async function verifyAnswer(origin: string, body: BodyKind, appPort: number): Promise<void> {
  const through = await get(urlOf(origin, body), BODY_BYTES[body])
  const direct = await get(urlOf(`http://127.0.0.1:${appPort}`, body), BODY_BYTES[body])
  if (!through.equals(direct)) throw new Error('the body through the proxy is not the body that the app sent')
}

async function get(url: string, bytes: number): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
  const body = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200 || body.length !== bytes) {
    const reason = response.headers.get('x-selvage-reason') ?? body.toString('latin1', 0, 200)
    throw new Error(
      `expected 200 with ${bytes} bytes, found ${response.status} with ${body.length}: ${reason}`,
    )
  }
  return body
}
