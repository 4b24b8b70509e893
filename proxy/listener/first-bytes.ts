/** Looking at what a connection begins with, and putting it back. */
import type { Socket } from 'node:net'
import type { Clock } from '../../mesh/clock.ts'

/** What the first bytes say: a TLS handshake (RFC 8446 5.1), an HTTP request, something else, or nothing came. */
export type Opening = 'tls' | 'http' | 'bytes' | 'silence'

const TLS_HANDSHAKE = 0x16
/** A method (RFC 9110 9.1) and a space, or as much of it as is there. */
const HTTP_OPENING = /^[A-Z]{1,20}( |$)/

/**
 * Calls back once, with the bytes back in the socket and the socket paused; not at all when the connection ends
 * first (it is closed then). `silence` after `waitMs`; 0: wait for as long as it takes.
 */
export function lookAtOpening(
  socket: Socket,
  clock: Clock,
  waitMs: number,
  done: (opening: Opening) => void,
): void {
  const settle = (opening: Opening | undefined) => {
    timer?.cancel()
    socket.removeListener('data', arrived)
    socket.removeListener('end', ended)
    socket.removeListener('close', closed)
    socket.pause()
    if (opening !== undefined) done(opening)
  }
  const arrived = (chunk: Buffer) => {
    settle(undefined)
    socket.unshift(chunk)
    // Not from within the stream's own loop, which would go on as soon as somebody resumes it.
    process.nextTick(done, openingOf(chunk))
  }
  const ended = () => {
    settle(undefined)
    socket.destroy()
  }
  const closed = () => settle(undefined)
  const timer = waitMs > 0 ? clock.after(waitMs, () => settle('silence')) : undefined
  socket.on('data', arrived)
  socket.on('end', ended)
  socket.on('close', closed)
}

export function openingOf(chunk: Buffer): Opening {
  if (chunk[0] === TLS_HANDSHAKE) return 'tls'
  return HTTP_OPENING.test(chunk.toString('latin1', 0, 21)) ? 'http' : 'bytes'
}
