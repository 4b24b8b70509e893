/** Every row that the bench can measure, the important ones first. */
import { ROUTE_COUNT } from './document.ts'
import type { Figure } from './row.ts'
import type { Topology } from './subject/subject.ts'

interface WorkBasics {
  readonly name: string
  readonly about: string
  /** The figure that the peers are compared by. */
  readonly main: Figure
}

/** Requests as fast as they go through a number of keep-alive connections. */
export interface LoadWork extends WorkBasics {
  readonly kind: 'load'
  readonly topology: Topology
  readonly connections: number
  readonly body: 'small' | 'large'
}

/** One part of the sidecar alone, in a process without sockets; only ours can be looked into. */
export interface ProbeWork extends WorkBasics {
  readonly kind: 'probe'
  /** Script in `probe/`, with its arguments. */
  readonly script: readonly [file: string, ...args: string[]]
}

/** One process from start to the first good answer. */
export interface StartUpWork extends WorkBasics {
  readonly kind: 'start-up'
}

/** Resident memory: idle, busy, with large bodies. */
export interface MemoryWork extends WorkBasics {
  readonly kind: 'memory'
}

/** Many open connections that say nothing. */
export interface IdleWork extends WorkBasics {
  readonly kind: 'idle'
  readonly connections: number
}

export type Work = LoadWork | ProbeWork | StartUpWork | MemoryWork | IdleWork

const load = (
  topology: Topology,
  connections: number,
  suffix: string,
  body: 'small' | 'large' = 'small',
): LoadWork => ({
  kind: 'load',
  name: `${topology}-${suffix}`,
  about: [
    topology === 'one-hop' ? 'one hop, plain HTTP/1.1' : 'two hops, mutual TLS 1.3 between',
    connections === 1 ? '1 connection' : `${connections} connections`,
    body === 'small' ? '1 KB answers' : '1 MB answers',
  ].join(', '),
  main: 'cpuMicrosPerRequest',
  topology,
  connections,
  body,
})

const routes = (count: number): ProbeWork => ({
  kind: 'probe',
  name: `routes-${count}`,
  about: `finding one of ${count} routes`,
  main: 'cpuMicrosPerRequest',
  script: ['route-lookup.ts', String(count)],
})

export const WORKS: readonly Work[] = [
  load('one-hop', 64, '64'),
  load('two-hops', 64, '64'),
  load('two-hops', 8, '8'),
  load('two-hops', 1, '1'),
  load('one-hop', 8, '8'),
  load('one-hop', 1, '1'),
  load('one-hop', 8, '1mb', 'large'),
  load('two-hops', 8, '1mb', 'large'),
  routes(10),
  routes(1000),
  routes(10_000),
  {
    kind: 'probe',
    name: 'filters',
    about: `the whole outbound filter list over ${ROUTE_COUNT} routes, without sockets`,
    main: 'cpuMicrosPerRequest',
    script: ['filter-list.ts'],
  },
  {
    kind: 'idle',
    name: 'idle-1000',
    about: '1,000 open connections that say nothing, one hop',
    main: 'idleMiB',
    connections: 1000,
  },
  {
    kind: 'start-up',
    name: 'start-up',
    about: 'from start to the first good answer, one hop',
    main: 'readyMs',
  },
  { kind: 'memory', name: 'memory', about: 'resident memory, one hop', main: 'busyMiB' },
]
