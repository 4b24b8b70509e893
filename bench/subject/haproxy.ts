/** HAProxy as a peer: between two hops over HTTP/2 (what we compare with) and over HTTP/1.1. */
import { peerSubject } from './chain.ts'
import type { Subject } from './subject.ts'

const haproxy = (command: string, subject: string, alpn: string): Subject =>
  peerSubject({
    subject,
    command,
    fileSuffix: 'haproxy.cfg',
    args: file => ['-db', '-q', '-f', file],
    values: () => ({ ALPN: alpn }),
  })

export const haproxySubject = (command: string): Subject => haproxy(command, 'haproxy', 'http/1.1')
export const haproxyH1Subject = (command: string): Subject => haproxy(command, 'haproxy-h1', 'http/1.1')
export const haproxyH2Subject = (command: string): Subject => haproxy(command, 'haproxy-h2', 'h2')
