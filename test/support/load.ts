/** Requests without a pause, until told to stop. */
import { type Answer, ask, keepAlive } from './app.ts'

export interface Load {
  /** What came back, in order; an error as its message. */
  readonly answers: readonly (Answer | Error)[]
  /** Requests that did not get a 200. */
  failures(): string[]
  /** Resolves when that many more were answered. */
  more(count: number): Promise<void>
  stop(): Promise<void>
}

export function load(url: string, clients = 8, request: Parameters<typeof ask>[1] = {}): Load {
  const agent = keepAlive()
  const answers: (Answer | Error)[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  let running = true
  const client = async () => {
    while (running) {
      answers.push(await ask(url, { ...request, agent }).catch((error: Error) => error))
      for (const each of waiting.splice(0)) {
        if (answers.length >= each.count) each.resolve()
        else waiting.push(each)
      }
    }
  }
  const clientsDone = Promise.all(Array.from({ length: clients }, client))
  return {
    answers,
    failures: () =>
      answers.flatMap(answer => {
        if (answer instanceof Error) return [answer.message]
        return answer.status === 200 ? [] : [`${answer.status} ${answer.headers['x-selvage-reason']}`]
      }),
    more: count => new Promise(resolve => waiting.push({ count: answers.length + count, resolve })),
    async stop() {
      running = false
      await clientsDone
    },
  }
}
