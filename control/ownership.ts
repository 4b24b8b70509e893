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

type Publisher = Extract<Principal, { kind: 'publisher' }>

const outOfScope = (
  publisher: Publisher,
  document: MeshDocumentInput,
  owners: Owners,
  domain: string,
): Violation[] => [
  ...meshWide(document),
  ...written(document, domain).flatMap(({ path, name }) => {
    const message = faultOf(publisher, name.split('/', 1)[0] ?? '', owners)
    return message === undefined ? [] : [{ path: formatPath(path), message }]
  }),
]

function faultOf({ name, services }: Publisher, subject: string, owners: Owners): string | undefined {
  const owner = owners.get(subject)
  if (owner !== undefined && owner !== `publisher:${name}`) return `"${subject}" belongs to ${owner}`
  if (services.includes(subject)) return undefined
  const allowed = services.map(each => `"${each}"`).join(', ')
  return `"${subject}" is not among what the token may publish (${allowed})`
}

function meshWide(document: MeshDocumentInput): Violation[] {
  const keys = Object.keys(document).filter(key => !PUBLISHER_KEYS.has(key))
  const message = 'concerns the whole mesh and takes the operator'
  const violations = keys.map(key => ({ path: key, message }))
  if (accessOf(document.access).default === undefined) return violations
  return [...violations, { path: 'access', message: `a default ${message}` }]
}

interface Written {
  readonly path: Path
  /** What must be the publisher's own. */
  readonly name: string
}

/** Everything that a document says about services and workloads, with what it says it about. */
function written(document: MeshDocumentInput, domain: string): Written[] {
  const { services = {}, workloads = {}, routes = [] } = document
  const access = accessOf(document.access)
  return [
    ...Object.entries(services).flatMap(([name, { hosts = [] }]) => [
      { path: ['services', name], name },
      ...drawn(name, hosts, domain),
    ]),
    ...Object.entries(workloads).flatMap(([name, { services: behind = [] }]) => [
      { path: ['workloads', name], name },
      ...behind.map((service, index) => ({ path: ['workloads', name, 'services', index], name: service })),
    ]),
    ...routes.map(({ service }, index) => ({ path: ['routes', index, 'service'], name: service })),
    ...access.rules.flatMap(({ to }, index) =>
      [to].flat().map(name => ({ path: [...access.path, index, 'to'], name })),
    ),
  ]
}

/** Hosts draw the calls of everybody to a service: those of another one that is yet to come, of a site outside. */
const drawn = (service: string, hosts: readonly string[], domain: string): Written[] =>
  hosts
    .map((host, index) => ({
      path: ['services', service, 'hosts', index],
      name: host.endsWith(`.${domain}`) ? host.slice(0, -domain.length - 1) : host,
    }))
    .filter(({ name }) => name !== service)
