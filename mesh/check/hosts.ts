/** A host names one service. */
import { hostsOf } from '../resolve.ts'
import type { Path } from '../violation.ts'
import type { Check } from './check.ts'

export const checkHosts: Check = ({ document, report }) => {
  const domain = document.domain ?? `${document.name}.internal`
  const owners = new Map<string, string>()
  for (const [name, service] of Object.entries(document.services ?? {}))
    for (const host of hostsOf(name, { ...service, hosts: [] }, domain)) owners.set(host, name)
  for (const [name, { hosts = [] }] of Object.entries(document.services ?? {})) {
    const own = new Set<string>()
    for (const [index, host] of hosts.entries()) {
      const path: Path = ['services', name, 'hosts', index]
      const owner = owners.get(host)
      if (own.has(host)) report(path, `found "${host}" twice, expected each host once`)
      else if (owner !== undefined && owner !== name)
        report(
          path,
          `found "${host}", which is a host of the service "${owner}"; expected a host of one service only`,
        )
      else owners.set(host, name)
      own.add(host)
    }
  }
}
