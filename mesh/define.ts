/**
 * `defineMesh`: a mesh document as a plain object literal whose names are literal types. A route to a workload that
 * does not exist, a rule for an unknown service and a misspelt key do not compile; the editor names the place.
 */
import type {
  AccessRuleInput,
  MeshDocumentInput,
  RouteInput,
  ServiceInput,
  TopLevelWorkloadInput,
  WorkloadInput,
} from './document.ts'
import type { MatchInput } from './match-schema.ts'
import { validate } from './validate.ts'
import { InvalidMesh } from './violation.ts'

type Text<Key> = Extract<Key, string>

/** Names of services: keys of `services`. */
type ServiceNames<Services> = Text<keyof Services>

/** Every name that this document defines. `Services[Name]` holds the workloads of a service as its keys. */
type OwnNames<Services, Workloads> =
  | {
      [Name in ServiceNames<Services>]: Name | `${Name}/${Text<keyof Services[Name]>}`
    }[ServiceNames<Services>]
  | Text<keyof Workloads>

type Names<Services, Workloads, Uses> = OwnNames<Services, Workloads> | Text<Uses>

interface NamedWorkload<Name> extends Omit<WorkloadInput, 'calls'> {
  /** Services that it calls: the snapshots of its proxies hold these. Absent: all. Empty: none. */
  readonly calls?: readonly Name[]
}

interface NamedTopLevelWorkload<Service, Name> extends Omit<TopLevelWorkloadInput, 'calls' | 'services'> {
  /** Services that it calls: the snapshots of its proxies hold these. Absent: all. Empty: none. */
  readonly calls?: readonly Name[]
  /** Services that it stands behind; none: it only calls. */
  readonly services?: readonly Service[]
}

interface NamedService<Workloads, Name> extends Omit<ServiceInput, 'calls' | 'workloads'> {
  /** Services that its workloads call. Absent: all. Empty: none. */
  readonly calls?: readonly Name[]
  /** What runs behind it, by name: `v1` of `payments` is `payments/v1` elsewhere. Absent: one of its own name. */
  readonly workloads?: { readonly [Workload in keyof Workloads]: NamedWorkload<Name> }
}

interface NamedMatch<Name> extends Omit<MatchInput, 'source'> {
  /** Services or workloads that call. */
  readonly source?: Name | readonly Name[]
}

interface NamedTarget<Name> {
  readonly target: Name
  /** Relative to the other targets. Default 1. */
  readonly weight?: number
  /** Dial port at the target, when it is not the one that the caller dialled. */
  readonly port?: number
}

interface NamedRoute<Service, Name extends string> extends Omit<RouteInput, 'service' | 'match' | 'to'> {
  readonly service: Service
  readonly match?: NamedMatch<Name>
  /** A name, a map of weights, or a list of targets. */
  readonly to: Name | { readonly [Target in Name]?: number } | readonly NamedTarget<Name>[]
}

interface NamedAccessRule<Name> extends Omit<AccessRuleInput, 'from' | 'to'> {
  /** Who may call: services or workloads; `*`: any proven identity. */
  readonly from: Name | '*' | readonly (Name | '*')[]
  /** What may be called. */
  readonly to: Name | readonly Name[]
}

type NamedAccess<Name> =
  | 'allow'
  | 'deny'
  | readonly NamedAccessRule<Name>[]
  | { readonly default?: 'allow' | 'deny'; readonly rules?: readonly NamedAccessRule<Name>[] }

type NamedKeys = 'services' | 'workloads' | 'uses' | 'routes' | 'access'

/** What `defineMesh` takes. Names are inferred from the keys of `services` and `workloads` and from `uses` alone. */
export interface MeshDefinition<Services, Workloads, Uses extends string>
  extends Omit<MeshDocumentInput, NamedKeys> {
  readonly services?: {
    readonly [Service in keyof Services]: NamedService<
      Services[Service],
      NoInfer<Names<Services, Workloads, Uses>>
    >
  }
  readonly workloads?: {
    readonly [Workload in keyof Workloads]: NamedTopLevelWorkload<
      NoInfer<ServiceNames<Services> | Uses>,
      NoInfer<Names<Services, Workloads, Uses>>
    >
  }
  /** Names that other fragments define: they may be used like this document's own. */
  readonly uses?: readonly Uses[] & readonly NoInfer<ForeignName<Uses, OwnNames<Services, Workloads>>>[]
  readonly routes?: readonly NamedRoute<
    NoInfer<ServiceNames<Services> | Uses>,
    NoInfer<Names<Services, Workloads, Uses>>
  >[]
  readonly access?: NamedAccess<NoInfer<Names<Services, Workloads, Uses>>>
}

/** A name that can be one of another fragment: it is not defined here, and has the form of a name. */
type ForeignName<Use extends string, Own> = Use extends Own
  ? never
  : Use extends '' | `/${string}` | `${string}/` | `${string}/${string}/${string}` | `${string} ${string}`
    ? never
    : Use extends Lowercase<Use>
      ? Use
      : never

declare const NAMES: unique symbol

/**
 * A mesh document with its names as literal types: of services, and of everything that may be a target. Without type
 * arguments: any document.
 */
export type MeshDocument<Service extends string = string, Name extends string = string> = Omit<
  MeshDocumentInput,
  'services' | 'routes'
> & {
  readonly services: Readonly<Record<Service, ServiceInput>>
  readonly routes: readonly RouteInput[]
  /** Only a type: no document has this key. */
  readonly [NAMES]?: Name
}

/** Names of the services of a document that `defineMesh` returned. */
export type ServiceName<Document> = Document extends MeshDocument<infer Service, string> ? Service : string

/** Names of the services and workloads of a document that `defineMesh` returned, and those under its `uses`. */
export type TargetName<Document> = Document extends MeshDocument<string, infer Name> ? Name : string

/**
 * The whole mesh, or one app's fragment of it, as data. Names that do not exist and keys that are misspelt are errors
 * of the compiler; everything else that is wrong is reported at once.
 *
 * @throws InvalidMesh listing every violation.
 */
export function defineMesh<
  const Services = unknown,
  const Workloads = unknown,
  const Uses extends string = never,
>(
  document: MeshDefinition<Services, Workloads, Uses>,
): MeshDocument<ServiceNames<Services>, Names<Services, Workloads, Uses>> {
  const checked = validate(document)
  if (!checked.ok) throw new InvalidMesh(checked.violations)
  const { services = {}, routes = [] } = checked.document
  return { ...checked.document, services, routes } as MeshDocument<
    ServiceNames<Services>,
    Names<Services, Workloads, Uses>
  >
}
