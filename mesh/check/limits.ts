/** Sizes that a control plane and its proxies are built for. */
import type { Check } from './check.ts'

const MAX_SERVICES = 10_000
const MAX_WORKLOADS = 20_000
const MAX_WORKLOADS_OF_SERVICE = 100
const MAX_PORTS_OF_SERVICE = 32
const MAX_WEIGHTS = 100
const MAX_CONDITIONS = 64

export const checkLimits: Check = ({ document, report }) => {
  const limit = (path: (string | number)[], value: object | undefined, max: number) => {
    const count = Object.keys(value ?? {}).length
    if (count > max) report(path, `found ${count} entries, expected at most ${max}`)
  }
  limit(['services'], document.services, MAX_SERVICES)
  limit(['workloads'], document.workloads, MAX_WORKLOADS)
  for (const [name, service] of Object.entries(document.services ?? {})) {
    limit(['services', name, 'workloads'], service.workloads, MAX_WORKLOADS_OF_SERVICE)
    limit(['services', name, 'ports'], service.ports, MAX_PORTS_OF_SERVICE)
  }
  for (const [index, { to, match }] of (document.routes ?? []).entries()) {
    if (typeof to === 'object' && !Array.isArray(to)) limit(['routes', index, 'to'], to, MAX_WEIGHTS)
    for (const input of ['headers', 'query', 'cookies'] as const)
      limit(['routes', index, 'match', input], match?.[input], MAX_CONDITIONS)
  }
}
