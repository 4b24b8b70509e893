/** nginx as a peer: HTTP/1.1 with a keep-alive pool; it speaks no HTTP/2 to an upstream. */
import { getuid } from 'node:process'
import { peerSubject } from './chain.ts'
import type { Subject } from './subject.ts'

/** Started by root, its workers must stay root to write into the run's own directory. */
export const nginxUser = (): string => (getuid?.() === 0 ? 'user root;' : '')

export const nginxSubject = (command: string): Subject =>
  peerSubject({
    subject: 'nginx',
    command,
    fileSuffix: 'nginx.conf',
    args: (file, directory) => ['-c', file, '-p', directory, '-e', 'stderr'],
    values: () => ({ USER: nginxUser() }),
  })
