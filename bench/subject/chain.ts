/** Starts the processes of one subject, last hop first, and speaks for all of them. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, type ChildOptions, startChild } from '../children.ts'
import { freePorts, waitForPort } from '../ports.ts'
import { writePeerFile } from '../template.ts'
import type { RunningSubject, Site, Subject } from './subject.ts'

export type Hop = 'one-hop' | 'egress' | 'ingress'

/** How one peer is started: its configuration file's suffix and its command line. */
export interface PeerProgram {
  readonly subject: string
  readonly command: string
  /** `nginx.conf` for `peers/<hop>.nginx.conf`. */
  readonly fileSuffix: string
  readonly args: (file: string, directory: string) => readonly string[]
  /** Values of its template that are its own. */
  readonly values: (site: Site) => Readonly<Record<string, string | number>>
}

const START_TIMEOUT_MS = 15_000

/** A peer as a subject: one process for one hop, two for two. */
export function peerSubject(program: PeerProgram): Subject {
  return {
    name: program.subject,
    async start(site) {
      const [first, second] = (await freePorts(2)) as [number, number]
      if (site.topology === 'one-hop') {
        return runChain(first, [await startHop(program, site, 'one-hop', first, second)])
      }
      const ingress = await startHop(program, site, 'ingress', second, second)
      try {
        return runChain(first, [ingress, await startHop(program, site, 'egress', first, second)])
      } catch (error) {
        await ingress.stop()
        throw error
      }
    },
  }
}

async function startHop(
  program: PeerProgram,
  site: Site,
  hop: Hop,
  port: number,
  nextPort: number,
): Promise<Child> {
  const directory = join(site.directory, hop)
  mkdirSync(directory, { recursive: true })
  const { caller, called, serverName, trust } = site.certificates
  const file = writePeerFile(`${hop}.${program.fileSuffix}`, directory, {
    DIRECTORY: directory,
    PORT: port,
    NEXT_PORT: nextPort,
    APP_PORT: site.appPort,
    TRUST: trust,
    SERVER_NAME: serverName,
    CLIENT_CERTIFICATE: caller.certificate,
    CLIENT_KEY: caller.key,
    CLIENT_PAIR: caller.pair,
    CLIENT_ID: caller.spiffeId,
    SERVER_CERTIFICATE: called.certificate,
    SERVER_KEY: called.key,
    SERVER_PAIR: called.pair,
    SERVER_ID: called.spiffeId,
    ...program.values(site),
  })
  const { command, subject } = program
  const args = program.args(file, directory)
  return startListening({ name: `${subject} (${hop})`, command, args, cpus: site.cpus }, port)
}

/** Starts a process and waits until it listens. Throws with its own words when it never does. */
export async function startListening(options: ChildOptions, port: number): Promise<Child> {
  const child = await startChild(options)
  if (await waitForPort(port, START_TIMEOUT_MS, child.exited)) return child
  await child.stop()
  throw new Error(`${child.name} does not listen on port ${port}: ${child.complaints() || 'it says nothing'}`)
}

/** Speaks for processes that already run. */
export function runChain(port: number, children: readonly Child[]): RunningSubject {
  return {
    origin: `http://127.0.0.1:${port}`,
    pids: children.map(child => child.pid),
    died: () => {
      const dead = children.find(child => child.exited())
      return dead && `${dead.name} died: ${dead.complaints()}`
    },
    stop: async () => {
      await Promise.all(children.map(child => child.stop()))
    },
  }
}
