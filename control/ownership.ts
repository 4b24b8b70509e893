/**
 * Who may publish what. A fragment belongs to the principal that created it, and a service to the owner of the
 * fragment that defines it: only that owner, or an operator, publishes its routes and access rules.
 */
import type { MeshDocumentInput } from '../mesh/document.ts'
import { accessOf } from '../mesh/resolve-access.ts'
import { formatPath, type Path, type Violation } from '../mesh/violation.ts'
import { type Principal, principalName } from './caller/caller.ts'
import { Refusal } from './refusal.ts'

/** Owner of each service and top-level workload that other fragments define. */
export type Owners = ReadonlyMap<string, string>

/** @throws Refusal 403 unless the fragment is new or the principal's own */
export function checkFragmentOwner(principal: Principal, fragment: string, owner: string | undefined): void {
  if (principal.kind === 'operator' || owner === undefined || owner === principalName(principal)) return
  throw new Refusal(
    'forbidden',
    `fragment "${fragment}" belongs to ${owner}, and ${principalName(principal)} may not change it`,
  )
}

/**
 * @param domain of the mesh
 * @throws Refusal 403 listing every place that is not the principal's to write
 */
export function checkScope(
  principal: Principal,
  document: MeshDocumentInput,
  owners: Owners,
  domain: string,
): void {
  if (principal.kind !== 'publisher') return
  const violations = outOfScope(principal, document, owners, domain)
  if (violations.length === 0) return
  const places = violations.map(({ path, message }) => `${path}: ${message}`).join('; ')
  throw new Refusal('forbidden', `${principalName(principal)} may not publish this: ${places}`, {
    violations,
  })
}

/** What a publisher may write at the top; the rest is the whole mesh's, and the operator's. */
const PUBLISHER_KEYS: ReadonlySet<string> = new Set([
  '$schema',
  'name',
  'services',
  'workloads',
  'uses',
  'routes',
  'access',
])

function outOfScope(
  { name, services: scope }: Extract<Principal, { kind: 'publisher' }>,
  document: MeshDocumentInput,
  owners: Owners,
  domain: string,
): Violation[] {
  const violations: Violation[] = []
  const check = (path: Path, written: string): void => {
    const subject = written.split('/', 1)[0] ?? ''
    const owner = owners.get(subject)
    if (owner !== undefined && owner !== `publisher:${name}`) {
      violations.push({ path: formatPath(path), message: `"${subject}" belongs to ${owner}` })
    } else if (!scope.includes(subject)) {
      const allowed = scope.map(each => `"${each}"`).join(', ')
      const message = `"${subject}" is not among what the token may publish (${allowed})`
      violations.push({ path: formatPath(path), message })
    }
  }
  for (const key of Object.keys(document)) {
    if (!PUBLISHER_KEYS.has(key)) {
      violations.push({ path: key, message: 'concerns the whole mesh and takes the operator' })
    }
  }
  const access = accessOf(document.access)
  if (access.default !== undefined) {
    violations.push({ path: 'access', message: 'a default concerns the whole mesh and takes the operator' })
  }
  for (const [service, { hosts = [] }] of Object.entries(document.services ?? {})) {
    check(['services', service], service)
    // A host draws the calls of everybody to it: of another service that is yet to come, of a site outside.
    hosts.forEach((host, index) => {
      const name = host.endsWith(`.${domain}`) ? host.slice(0, -domain.length - 1) : host
      if (name !== service) check(['services', service, 'hosts', index], name)
    })
  }
  for (const [workload, { services = [] }] of Object.entries(document.workloads ?? {})) {
    check(['workloads', workload], workload)
    services.forEach((service, index) => {
      check(['workloads', workload, 'services', index], service)
    })
  }
  document.routes?.forEach((route, index) => {
    check(['routes', index, 'service'], route.service)
  })
  access.rules.forEach((rule, index) => {
    for (const written of [rule.to].flat()) check([...access.path, index, 'to'], written)
  })
  return violations
}
