/**
 * One endpoint of a workload and the state that outlives configuration: its pools, its requests in flight, its
 * health. Known by its registration id, never by its address: an address may pass to another workload.
 */
import type { Endpoint as EndpointInfo } from '../../mesh/snapshot.ts'
import type { Failure } from '../failure.ts'
import type { Destination } from './connector.ts'
import type { DialPort } from './dial-port.ts'
import type { Pool } from './pool.ts'

/** What an endpoint asks of its cluster. */
export interface EndpointHome {
  readonly workload: string
  destination(endpoint: Endpoint, port: DialPort): Destination
  newPool(destination: Destination): Pool
}

export class Endpoint {
  readonly id: string
  address: string
  port: number
  weight: number
  zone: string | undefined
  version: string | undefined
  /** Keeps what it has, gets nothing new. */
  draining: boolean
  /** Attempts that run now. */
  active = 0
  /** Verdict of active health checks; true while there are none. */
  healthy = true
  private readonly home: EndpointHome
  private readonly pools = new Map<DialPort, Pool>()
  private gone = false

  constructor(home: EndpointHome, info: EndpointInfo) {
    this.home = home
    this.id = info.id
    this.address = info.address
    this.port = info.port
    this.weight = info.weight
    this.zone = info.zone
    this.version = info.version
    this.draining = info.health === 'draining'
  }

  get workload(): string {
    return this.home.workload
  }

  /** Takes over what the control plane says now. At a new address the old connections finish and close. */
  update(info: EndpointInfo): void {
    if (info.address !== this.address || info.port !== this.port) this.drainPools()
    this.address = info.address
    this.port = info.port
    this.weight = info.weight
    this.zone = info.zone
    this.version = info.version
    this.draining = info.health === 'draining'
  }

  destination(port: DialPort): Destination {
    return this.home.destination(this, port)
  }

  pool(port: DialPort): Pool {
    let pool = this.pools.get(port)
    if (pool === undefined) {
      pool = this.home.newPool(this.destination(port))
      if (this.gone) pool.drain()
      this.pools.set(port, pool)
    }
    return pool
  }

  /** Connections now, idle ones included. */
  get connections(): number {
    let sum = 0
    for (const pool of this.pools.values()) sum += pool.size
    return sum
  }

  /** What runs finishes; idle connections close now. */
  drainPools(): void {
    for (const pool of this.pools.values()) pool.drain()
    this.pools.clear()
  }

  /** It is no longer an endpoint of its workload. Requests that chose it already are still served. */
  leave(): void {
    this.gone = true
    this.drainPools()
  }

  destroy(failure: Failure): void {
    for (const pool of this.pools.values()) pool.destroy(failure)
    this.pools.clear()
  }
}
