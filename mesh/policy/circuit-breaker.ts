import { z } from 'zod'
import type { Authored } from '../authored.ts'
import { type Fields, type Level, type Resolved, resolveLevels } from './levels.ts'

/**
 * Limits on what runs at once towards one workload. Connection limits and `maxRequestsPerConnection` apply where
 * a sidecar connects to its app or to a plain upstream; between sidecars requests are counted, because one
 * connection carries many.
 */
export interface CircuitBreaker {
  readonly maxConnections: number
  /** Requests that wait for a connection. */
  readonly maxPendingRequests: number
  readonly maxRequests: number
  readonly maxRetries: number
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number
}

const limit = z.int().min(0).max(4_294_967_295)

/** Authored at mesh, service and workload level. */
export const circuitBreakerSchema = z
  .strictObject({
    maxConnections: limit.optional(),
    maxPendingRequests: limit.optional().describe('Requests that wait for a connection.'),
    maxRequests: limit.optional().describe('Requests at once.'),
    maxRetries: limit.optional().describe('Retries at once.'),
    maxRequestsPerConnection: limit.optional().describe('0: no limit.'),
  })
  .meta({ id: 'CircuitBreaker' })
export type CircuitBreakerPolicy = Authored<typeof circuitBreakerSchema>

/** Envoy's defaults, but for retries: the retry budget is what limits them. */
const fields: Fields<CircuitBreaker> = {
  maxConnections: { path: ['maxConnections'], byDefault: 1024 },
  maxPendingRequests: { path: ['maxPendingRequests'], byDefault: 1024 },
  maxRequests: { path: ['maxRequests'], byDefault: 1024 },
  maxRetries: { path: ['maxRetries'], byDefault: 1024 },
  maxRequestsPerConnection: { path: ['maxRequestsPerConnection'], byDefault: 0 },
}

/** Snapshots are JSON, which has no infinity. */
const UNLIMITED = 4_294_967_295

const off: CircuitBreaker = {
  maxConnections: UNLIMITED,
  maxPendingRequests: UNLIMITED,
  maxRequests: UNLIMITED,
  maxRetries: UNLIMITED,
  maxRequestsPerConnection: 0,
}

export const resolveCircuitBreaker = (
  levels: readonly Level<CircuitBreakerPolicy>[],
): Resolved<CircuitBreaker> => resolveLevels(fields, off, levels)
