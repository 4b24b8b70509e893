/** One at a time, in order: for steps that read, decide and write. */
export function serial(): <T>(step: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return step => {
    const result = last.then(step, step)
    last = result.catch(() => {})
    return result
  }
}
