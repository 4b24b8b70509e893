/**
 * Documents that must not compile. Each line after a comment that expects an error must have one, and no other line
 * may: the type check of the project holds that, and `define.test.ts`, which runs the compiler over this file without
 * the comments. Never executed.
 */
import { defineMesh } from '../../mesh/index.ts'

export const names = defineMesh({
  name: 'shop',
  uses: [
    'orders',
    'ledger/v2',
    // @ts-expect-error defined here
    'web',
    // @ts-expect-error no name
    'Orders',
    // @ts-expect-error no name
    'a/b/c',
  ],
  services: {
    web: { targetPort: 3000, calls: ['payments', 'orders', 'payments/v1'] },
    payments: {
      targetPort: 8080,
      // @ts-expect-error unknown
      calls: ['ordrs'],
      workloads: {
        v1: { calls: ['web'] },
        // @ts-expect-error unknown
        v2: { calls: ['wbe'] },
      },
    },
  },
  workloads: {
    cron: { calls: ['web', 'ledger/v2'] },
    // @ts-expect-error unknown
    batch: { calls: ['payments/v3'] },
    proxy: { services: ['web'] },
    // @ts-expect-error a workload
    other: { services: ['payments/v1'] },
  },
  routes: [
    { service: 'payments', to: 'payments/v1' },
    // @ts-expect-error unknown
    { service: 'payments', to: 'payments/v3' },
    // @ts-expect-error unknown
    { service: 'payment', to: 'payments' },
    // @ts-expect-error a workload
    { service: 'cron', to: 'payments' },
    { service: 'payments', to: { 'payments/v1': 1, 'ledger/v2': 1, cron: 1 } },
    // @ts-expect-error unknown
    { service: 'payments', to: { 'payments/v1': 1, 'payments/v3': 1 } },
    { service: 'payments', to: [{ target: 'payments/v1', weight: 1 }] },
    // @ts-expect-error unknown
    { service: 'payments', to: [{ target: 'payments/v3' }] },
    // @ts-expect-error misspelt
    { service: 'payments', to: [{ target: 'web', wieght: 1 }] },
    { service: 'payments', match: { source: 'web' }, to: 'web' },
    // @ts-expect-error unknown
    { service: 'payments', match: { source: 'wbe' }, to: 'web' },
    // @ts-expect-error unknown
    { service: 'payments', match: { source: ['web', 'wbe'] }, to: 'web' },
  ],
  access: [
    { from: 'web', to: 'payments/v1' },
    { from: '*', to: ['payments', 'orders'] },
    // @ts-expect-error unknown
    { from: 'wbe', to: 'payments' },
    // @ts-expect-error unknown
    { from: ['web', 'wbe'], to: 'payments' },
    // @ts-expect-error unknown
    { from: 'web', to: 'paymnts' },
    // @ts-expect-error no name
    { from: 'web', to: '*' },
    // @ts-expect-error misspelt
    { from: 'web', to: 'web', method: ['GET'] },
    // @ts-expect-error no action
    { from: 'web', to: 'web', action: 'refuse' },
  ],
})

export const keys = defineMesh({
  name: 'shop',
  defaults: {
    // @ts-expect-error misspelt
    retry: { attempts: 1, backoff: { bas: '1s' } },
    // @ts-expect-error misspelt
    timeout: { requst: '1s' },
  },
  services: {
    // @ts-expect-error misspelt
    web: { targetPort: 3000, tagetPort: 3000 },
    orders: {
      targetPort: 3001,
      // @ts-expect-error misspelt
      retry: { atempts: 3 },
      timeout: false,
      // @ts-expect-error misspelt
      tls: { mod: 'strict' },
      // @ts-expect-error misspelt
      circuitBreaker: { maxConnection: 3 },
      // @ts-expect-error misspelt
      outlierDetection: { consecutiveError: 3 },
      // @ts-expect-error misspelt
      loadBalancer: { panic: 3 },
      // @ts-expect-error misspelt
      healthCheck: { paht: '/' },
      // @ts-expect-error misspelt
      workloads: { v1: { circuitBreaker: { maxRequest: 1 } } },
    },
    // @ts-expect-error misspelt
    payments: { ports: { http: { targetPort: 1, prot: 80 } } },
  },
  // @ts-expect-error misspelt
  workloads: { cron: { services: ['web'], loadBalancer: { panicTreshold: 1 } } },
  routes: [
    // @ts-expect-error misspelt
    { service: 'web', to: 'web', retry: { budget: { percnt: 20 } } },
    // @ts-expect-error no condition
    { service: 'web', to: 'web', retry: { on: ['5xx', 'rest'] } },
    // @ts-expect-error misspelt
    { service: 'web', to: 'web', mtach: {} },
    // @ts-expect-error misspelt
    { service: 'web', to: 'web', match: { path: { prefx: '/' } } },
    // @ts-expect-error misspelt
    { service: 'web', to: 'web', match: { headers: { a: { exct: '' } } } },
    // @ts-expect-error misspelt
    { service: 'web', to: 'web', match: { grpc: { servce: 'a' } } },
    // @ts-expect-error nothing implements it
    { service: 'web', to: 'web', mirror: 'orders' },
  ],
  // @ts-expect-error misspelt
  telemetry: { tracing: { sampl: 1 } },
})

// @ts-expect-error misspelt
export const top = defineMesh({ name: 'shop', servces: {} })
// @ts-expect-error misspelt
export const rules = defineMesh({ name: 'shop', access: { rule: [] } })
