/** The subject seam: a proxy, or a pair of them, that is measured. */
import type { Certificates } from '../certificates.ts'

/** One hop is the calling side over plain HTTP; two hops is both sides with mutual TLS between. */
export type Topology = 'one-hop' | 'two-hops'

/** What a subject is given to start with. */
export interface Site {
  readonly topology: Topology
  readonly routeCount: number
  readonly appPort: number
  readonly certificates: Certificates
  /** A directory of its own. */
  readonly directory: string
  readonly cpus: readonly number[] | undefined
}

/** A subject that runs. */
export interface RunningSubject {
  /** Where the load generator sends requests: `http://127.0.0.1:<port>`. */
  readonly origin: string
  /** Its processes; what they have forked counts too. */
  readonly pids: readonly number[]
  /** Why it cannot go on, when one of its processes died. */
  readonly died: () => string | undefined
  /** Counters that prove what it did, for the report; only ours has any. */
  readonly proof?: () => Promise<string[]>
  stop(): Promise<void>
}

export interface Subject {
  readonly name: string
  start(site: Site): Promise<RunningSubject>
}
