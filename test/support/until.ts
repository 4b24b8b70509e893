/** Waits for a condition, and for nothing else. Rejects when it does not come true in good time. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const found = await condition()
    if (found !== undefined && found !== false) return found
    if (Date.now() > deadline) throw new Error(`waited too long until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
