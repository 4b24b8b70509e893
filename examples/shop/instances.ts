/** Who is who in the shop: seven apps, each behind its own sidecar. */

export interface Instance {
  /** What people call it, and the id of its endpoint. */
  readonly name: string
  readonly workload: string
  readonly app: 'web' | 'orders' | 'payments'
  /** Where the document says that the app listens. */
  readonly targetPort: number
  readonly calls: readonly string[]
}

const web: Instance = {
  name: 'web',
  workload: 'web',
  app: 'web',
  targetPort: 3000,
  calls: ['orders', 'payments'],
}
const orders: Instance = {
  name: 'orders',
  workload: 'orders',
  app: 'orders',
  targetPort: 3001,
  calls: ['payments'],
}
const payments = (version: 'v1' | 'v2', letter: string): Instance => ({
  name: `payments-${version}-${letter}`,
  workload: `payments/${version}`,
  app: 'payments',
  targetPort: 8080,
  calls: [],
})

export const INSTANCES: readonly Instance[] = [
  web,
  orders,
  payments('v1', 'a'),
  payments('v1', 'b'),
  payments('v2', 'a'),
  payments('v2', 'b'),
  payments('v2', 'c'),
]

/** Killed: its app first, its sidecar later. */
export const KILLED = 'payments-v1-a'
/** Answers 500 for a while. */
export const BROKEN = 'payments-v2-a'
