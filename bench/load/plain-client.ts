/**
 * `node plain-client.ts <url> <connections> <seconds>`: keep-alive HTTP/1.1 connections in a closed loop on bare
 * sockets; prints a `LoadResult`. Understands answers with Content-Length only, which is all the bench serves.
 */
import { connect } from 'node:net'
import { monotonicMs } from '../clock.ts'
import type { LoadResult } from './load.ts'

/** Reads answers off a connection: calls `onAnswer` with the status at each end of a message. */
export function answerReader(onAnswer: (status: number) => void): (chunk: Buffer) => void {
  let head = ''
  let status = 0
  let bodyLeft = -1
  return chunk => {
    let rest = chunk
    while (rest.length > 0) {
      if (bodyLeft < 0) {
        const before = head.length
        head += rest.toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        status = Number(head.slice(9, 12))
        bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head.slice(0, end))?.[1] ?? 0)
        rest = rest.subarray(end + 4 - before)
        head = ''
      }
      const taken = Math.min(bodyLeft, rest.length)
      bodyLeft -= taken
      rest = rest.subarray(taken)
      if (bodyLeft > 0) return
      bodyLeft = -1
      onAnswer(status)
    }
  }
}

/** The value below which `share` of the sorted values lie. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

function runLoad(url: URL, connections: number, seconds: number): Promise<LoadResult> {
  const request = Buffer.from(`GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
  const latencies: number[] = []
  const started = monotonicMs()
  let errors = 0
  let over = false
  const sockets = Array.from({ length: connections }, () => {
    const socket = connect(Number(url.port), url.hostname)
    let sent = 0
    const send = () => {
      sent = monotonicMs()
      socket.write(request)
    }
    socket.setNoDelay(true).on('connect', send)
    const onAnswer = (status: number) => {
      latencies.push(monotonicMs() - sent)
      if (status < 200 || status >= 400) errors += 1
      if (!over) send()
    }
    socket.on('data', answerReader(onAnswer))
    socket.on('error', () => {
      if (!over) errors += 1
    })
    socket.on('end', () => {
      if (!over) errors += 1
    })
    return socket
  })
  return new Promise(resolve => {
    setTimeout(() => {
      over = true
      for (const socket of sockets) socket.destroy()
      const sorted = Float64Array.from(latencies).sort()
      resolve({
        requests: latencies.length,
        seconds: (monotonicMs() - started) / 1000,
        p50Ms: percentile(sorted, 0.5),
        p99Ms: percentile(sorted, 0.99),
        errors,
      })
    }, seconds * 1000)
  })
}

if (import.meta.main) {
  const [url, connections, seconds] = process.argv.slice(2)
  const result = await runLoad(new URL(url as string), Number(connections), Number(seconds))
  process.stdout.write(JSON.stringify(result))
}
