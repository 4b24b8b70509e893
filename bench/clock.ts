/** The bench's only source of time. */

/** Milliseconds since the epoch. */
export const wallMs = (): number => Date.now()

/** Milliseconds that never go back. */
export const monotonicMs = (): number => performance.now()

export const pauseMs = (durationMs: number): Promise<void> =>
  new Promise(resolve => {
    setTimeout(resolve, durationMs)
  })
