/**
 * A shop with a canary: the published Istio example `payment-service` (beta testers to v2, everyone else 90/10,
 * connection limits 100/50/2, ejection after 5 errors for 30 s), with the two services that call it.
 */
import { defineMesh } from 'selvage'

export default defineMesh({
  name: 'shop',
  services: {
    web: { targetPort: 3000, calls: ['orders', 'payments'] },
    orders: { targetPort: 3001, calls: ['payments'] },
    payments: {
      targetPort: 8080,
      workloads: { v1: {}, v2: {} },
      circuitBreaker: { maxConnections: 100, maxPendingRequests: 50, maxRequestsPerConnection: 2 },
      outlierDetection: { consecutiveErrors: 5, interval: '30s', baseEjectionTime: '30s' },
    },
  },
  routes: [
    {
      service: 'payments',
      match: { headers: { 'x-user-type': 'beta-tester' } },
      to: 'payments/v2',
      retry: { attempts: 3, on: ['5xx', 'reset'] },
    },
    {
      service: 'payments',
      to: { 'payments/v1': 90, 'payments/v2': 10 },
      retry: { attempts: 3, on: ['5xx', 'reset'] },
    },
  ],
  access: [
    { from: 'web', to: 'payments', methods: ['GET', 'POST', 'DELETE'], paths: ['/charges/*'] },
    { from: 'orders', to: 'payments', methods: ['GET', 'POST'], paths: ['/charges/*'] },
  ],
})
