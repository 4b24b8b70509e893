/** The load generator seam: so many connections, so long, one URL; what came back. */

export interface LoadRequest {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly cpus: readonly number[] | undefined
}

export interface LoadResult {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Connections that broke, and answers outside 200–399. Anything but 0 voids the measurement. */
  readonly errors: number
}

export interface LoadGenerator {
  readonly name: string
  run(request: LoadRequest): Promise<LoadResult>
}
