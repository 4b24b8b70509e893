/** What many open connections cost that have asked once and now say nothing. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { monotonicMs, pauseMs } from '../clock.ts'
import { cpuSeconds, residentMiB } from '../cpu-time.ts'
import { answerReader } from '../load/plain-client.ts'
import type { Rig } from '../rig.ts'
import type { Sample, Series } from '../row.ts'
import type { RunningSubject, Subject } from '../subject/subject.ts'
import type { IdleWork } from '../works.ts'
import { urlOf, verifyAnswer } from './answer.ts'
import { type Pace, runRace } from './race.ts'

const ANSWER_TIMEOUT_MS = 10_000

export function measureIdle(
  work: IdleWork,
  subjects: readonly Subject[],
  rig: Rig,
  pace: Pace,
): Promise<Series[]> {
  return runRace(
    {
      work: work.name,
      topology: 'one-hop',
      rig,
      pace,
      prepare: running => verifyAnswer(running.origin, 'small', rig.backend.port),
      sample: running => sampleIdle(running, work.connections, pace.seconds),
    },
    subjects,
  )
}

async function sampleIdle(running: RunningSubject, connections: number, seconds: number): Promise<Sample> {
  const url = new URL(urlOf(running.origin, 'small'))
  const sockets: Socket[] = []
  try {
    for (let index = 0; index < connections; index += 1) sockets.push(await askOnce(url))
    const cpuBefore = cpuSeconds(running.pids)
    const before = monotonicMs()
    await pauseMs(seconds * 1000)
    const closed = sockets.filter(socket => socket.readableEnded || socket.destroyed).length
    if (closed > 0) throw new Error(`${closed} of ${connections} idle connections were closed`)
    const cpuMillis = (cpuSeconds(running.pids) - cpuBefore) * 1000
    return {
      idleMiB: residentMiB(running.pids),
      cpuMillisPerSecond: (cpuMillis * 1000) / (monotonicMs() - before),
    }
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

/** Opens a connection, has one request answered, and leaves it open. */
async function askOnce(url: URL): Promise<Socket> {
  const socket = connect(Number(url.port), url.hostname)
  socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy(new Error('no answer within 10 s')))
  await once(socket, 'connect')
  const answered = new Promise<number>((resolve, reject) => {
    socket.on('data', answerReader(resolve))
    socket.once('error', reject)
    socket.once('end', () => reject(new Error('the connection was closed before an answer came')))
  })
  socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
  const status = await answered
  if (status !== 200) throw new Error(`expected 200, found ${status}`)
  socket.setTimeout(0)
  return socket
}
