/** Every name means one thing. */
import type { Check } from './check.ts'

export const checkWorkloads: Check = ({ document, report }) => {
  const services = document.services ?? {}
  for (const [name, { services: behind = [] }] of Object.entries(document.workloads ?? {})) {
    const path = ['workloads', name]
    if (Object.hasOwn(services, name)) {
      const own = services[name]?.workloads === undefined
      const why = own ? 'which, having no workloads, has one of its own name' : 'and a name means one of them'
      report(path, `found a workload named as the service "${name}", ${why}; expected another name`)
    }
    const twice = behind.find((service, index) => behind.indexOf(service) !== index)
    if (twice !== undefined) report([...path, 'services'], `found "${twice}" twice, expected each name once`)
    for (const [index, service] of behind.entries())
      if (Object.hasOwn(services[service]?.workloads ?? {}, name))
        report(
          [...path, 'services', index],
          `found "${service}", whose own workload "${service}/${name}" would have the same DNS name; expected another name for one of them`,
        )
  }
}
