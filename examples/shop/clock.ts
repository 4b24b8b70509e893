/** The demo's only source of time. */

/** Milliseconds that never go back, with fractions. */
export const monotonicMs = (): number => performance.now()

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Asks until the answer is neither undefined nor false.
 * @throws when `timeoutMs` have passed; the message says what was waited for
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  intervalMs = 20,
): Promise<T> {
  const deadline = monotonicMs() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (monotonicMs() > deadline) throw new Error(`${what}: not within ${Math.round(timeoutMs / 1000)} s`)
    await sleep(intervalMs)
  }
}
