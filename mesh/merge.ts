/**
 * Fragments as one document: each app publishes its own services, workloads, routes and rules, and the whole is
 * checked together.
 */
import { definedNames, knownNames } from './check/known-names.ts'
import type { AccessRuleInput, MeshDocumentInput, RouteInput } from './document.ts'
import { hashOf } from './hash.ts'
import type { Finding } from './issue.ts'
import { list } from './match-schema.ts'
import { accessOf } from './resolve-access.ts'
import { checkMeaning } from './validate.ts'
import { formatPath, type Path, type Violation } from './violation.ts'

export interface Fragment {
  /** A DNS label; unique among the fragments. */
  readonly name: string
  /** Accepted by `validate`. */
  readonly document: MeshDocumentInput
  /** Published by an operator, who may write routes and access rules of services that other fragments own. */
  readonly operator?: boolean
}

export interface FragmentViolation extends Violation {
  /** The fragment that `path` is in. */
  readonly fragment: string
}

export interface Merged {
  /** All fragments as one; undefined when there are none. Meaningless when there are violations. */
  readonly document: MeshDocumentInput | undefined
  readonly violations: readonly FragmentViolation[]
  readonly warnings: readonly FragmentViolation[]
}

/** A place in the merged document and where it came from. */
interface Origin {
  readonly fragment: Fragment
  readonly path: Path
}

interface Merging {
  readonly fragments: readonly Fragment[]
  /** The fragment that defines each service and top-level workload. */
  readonly owners: Map<string, Fragment>
  readonly violations: FragmentViolation[]
  readonly routes: { readonly route: RouteInput; readonly origin: Origin }[]
  readonly rules: { readonly rule: AccessRuleInput; readonly origin: Origin }[]
}

/** Checks what only the whole shows: who owns what, names between fragments, ports, hosts. Never throws. */
export function mergeFragments(fragments: readonly Fragment[]): Merged {
  const merging: Merging = { fragments, owners: new Map(), violations: [], routes: [], rules: [] }
  if (fragments.length === 0) return { document: undefined, violations: [], warnings: [] }
  claimNames(merging)
  checkMeshWide(merging)
  for (const fragment of fragments) takeRoutesAndRules(merging, fragment)
  checkListed(merging)
  const document = assemble(merging)
  const meaning = checkMeaning(document, withUses(merging, document))
  const placed = (findings: readonly Finding[]) =>
    findings.map(finding => placeInFragment(merging, document, finding))
  return {
    document,
    violations: [...merging.violations, ...placed(meaning.violations)],
    warnings: placed(meaning.warnings),
  }
}

function claimNames({ fragments, owners, violations }: Merging): void {
  for (const fragment of fragments)
    for (const kind of ['services', 'workloads'] as const)
      for (const name of Object.keys(fragment.document[kind] ?? {})) {
        const owner = owners.get(name)
        // Within one fragment a name that stands for two things was reported when it was validated.
        if (owner === undefined) owners.set(name, fragment)
        else if (owner !== fragment) {
          const message = `found "${name}", which the fragment "${owner.name}" defines already; expected one owner`
          violations.push({ fragment: fragment.name, path: formatPath([kind, name]), message })
        }
      }
}

/** What concerns the whole mesh may stand in any fragment, but only one thing may be said. */
const MESH_WIDE = ['name', 'domain', 'trustDomain', 'normalise', 'egress', 'defaults', 'telemetry'] as const

function checkMeshWide({ fragments, violations }: Merging): void {
  const agree = (path: string, read: (document: MeshDocumentInput) => unknown) => {
    const saying = fragments.filter(({ document }) => read(document) !== undefined)
    const [first] = saying
    for (const other of saying)
      if (first !== undefined && hashOf(read(other.document)) !== hashOf(read(first.document)))
        violations.push({
          fragment: other.name,
          path,
          message: `found another ${path} than in the fragment "${first.name}", expected the same: it concerns the whole mesh`,
        })
  }
  for (const key of MESH_WIDE) agree(key, document => document[key])
  agree('access', document => accessOf(document.access).default)
}

function takeRoutesAndRules(merging: Merging, fragment: Fragment): void {
  const { document } = fragment
  for (const [index, route] of (document.routes ?? []).entries()) {
    const path = ['routes', index]
    checkOwner(merging, fragment, route.service, [...path, 'service'], 'its routes')
    merging.routes.push({ route, origin: { fragment, path } })
  }
  const { rules, path: at } = accessOf(document.access)
  for (const [index, rule] of rules.entries()) {
    for (const name of list(rule.to))
      checkOwner(merging, fragment, name, [...at, index, 'to'], 'its access rules')
    merging.rules.push({
      rule: named(rule, merging, fragment, index),
      origin: { fragment, path: [...at, index] },
    })
  }
  for (const [name, { services = [] }] of Object.entries(document.workloads ?? {}))
    for (const [index, service] of services.entries())
      checkOwner(merging, fragment, service, ['workloads', name, 'services', index], 'what stands behind it')
}

function checkOwner(
  { owners, violations }: Merging,
  fragment: Fragment,
  name: string,
  path: Path,
  what: string,
): void {
  const [service = name] = name.split('/')
  const owner = owners.get(service)
  if (owner === undefined || owner === fragment || fragment.operator === true) return
  const message = `found "${name}", which the fragment "${owner.name}" owns; expected its owner (or an operator) to publish ${what}`
  violations.push({ fragment: fragment.name, path: formatPath(path), message })
}

/** First match wins only means something where one author lists the routes. */
function checkListed({ owners, routes, violations }: Merging): void {
  for (const [service, ofService] of Map.groupBy(routes, ({ route }) => route.service)) {
    const owner = owners.get(service)
    if (owner?.document.services?.[service]?.order !== 'listed') continue
    const [first] = ofService
    for (const { origin } of ofService)
      if (origin.fragment !== first?.origin.fragment)
        violations.push({
          fragment: origin.fragment.name,
          path: formatPath(origin.path),
          message: `found a route of "${service}", whose routes go in the order that they are listed in; expected all of them in one fragment ("${first?.origin.fragment.name}" has some)`,
        })
  }
}

/** A refusal quotes the rule, and a place in the merged document would tell nobody where it is written. */
function named(
  rule: AccessRuleInput,
  { fragments }: Merging,
  fragment: Fragment,
  index: number,
): AccessRuleInput {
  if (rule.name !== undefined || fragments.length === 1) return rule
  return { ...rule, name: `${fragment.name}.access.${index}` }
}

function assemble({ fragments, owners, routes, rules }: Merging): MeshDocumentInput {
  const documents = fragments.map(({ document }) => document)
  const said = <Key extends (typeof MESH_WIDE)[number]>(key: Key) =>
    documents.map(document => document[key]).find(value => value !== undefined)
  const meshWide = Object.fromEntries(
    MESH_WIDE.map(key => [key, said(key)]).filter(([, value]) => value !== undefined),
  )
  const owned = (kind: 'services' | 'workloads') =>
    Object.fromEntries(
      fragments.flatMap(fragment =>
        Object.entries(fragment.document[kind] ?? {}).filter(([name]) => owners.get(name) === fragment),
      ),
    )
  const byDefault = documents
    .map(document => accessOf(document.access).default)
    .find(value => value !== undefined)
  const body = { services: owned('services'), workloads: owned('workloads') }
  const defined = definedNames(knownNames(body))
  const uses = [...new Set(documents.flatMap(({ uses: used = [] }) => used))].filter(
    name => !defined.has(name),
  )
  return {
    ...(meshWide as Pick<MeshDocumentInput, (typeof MESH_WIDE)[number]>),
    ...body,
    uses,
    routes: routes.map(({ route }) => route),
    access: { ...(byDefault !== undefined && { default: byDefault }), rules: rules.map(({ rule }) => rule) },
  }
}

/** A fragment may use what it declares; that another declares it is no help. */
function withUses({ fragments }: Merging, document: MeshDocumentInput) {
  const known = knownNames(document)
  const uses = new Set(fragments.flatMap(fragment => fragment.document.uses ?? []))
  return { ...known, uses: new Set([...known.uses, ...uses]) }
}

/** A finding of the merged document, where its author wrote it. */
function placeInFragment(merging: Merging, document: MeshDocumentInput, finding: Finding): FragmentViolation {
  const { fragment, path } = originOf(merging, document, finding.path)
  return { fragment: fragment.name, path: formatPath(path), message: finding.message }
}

function originOf(
  { fragments, owners, routes, rules }: Merging,
  document: MeshDocumentInput,
  path: Path,
): Origin {
  const [section, key, index] = path
  const within = (origin: Origin | undefined, from: number): Origin | undefined =>
    origin && { fragment: origin.fragment, path: [...origin.path, ...path.slice(from)] }
  const fallback = { fragment: owners.get(String(key)) ?? fragments[0]!, path }
  if (section === 'routes') return within(routes[Number(key)]?.origin, 2) ?? fallback
  if (section === 'access') return within(rules[Number(index)]?.origin, 3) ?? fallback
  return section === 'uses' ? originOfUse(fragments, document.uses?.[Number(key)] ?? '') : fallback
}

/** The first fragment that declares the name. */
function originOfUse(fragments: readonly Fragment[], name: string): Origin {
  const fragment = fragments.find(({ document }) => document.uses?.includes(name)) ?? fragments[0]!
  return { fragment, path: ['uses', fragment.document.uses?.indexOf(name) ?? 0] }
}
