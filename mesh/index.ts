/**
 * The mesh as data: what `import … from 'selvage'` gives. A document goes in; violations, the decision about one
 * request, or the snapshot of one proxy come out. Pure: no I/O, no clock, no chance. It runs in a browser, too.
 */

// What it means
export type { ShadowVerdict, Verdict } from './access.ts'
// The seams that a host of the mesh fills
export type { Clock, Random, Timer } from './clock.ts'
export { type CompileOptions, compileSnapshot, selectEndpoints } from './compile.ts'
// The document
export {
  defineMesh,
  type MeshDefinition,
  type MeshDocument,
  type ServiceName,
  type TargetName,
} from './define.ts'
export {
  type AccessRuleInput,
  type MeshDocumentInput,
  meshDocumentSchema,
  type RouteInput,
  type ServiceInput,
  type TopLevelWorkloadInput,
  type WorkloadInput,
} from './document.ts'
export {
  type ExplainRequest,
  type Explanation,
  explain,
  explainResolved,
  type Outcome,
  UnknownName,
} from './explain.ts'
export type { BackendExplanation } from './explain-backend.ts'
export type { FieldExplanation, PolicyExplanation } from './explain-policy.ts'
export type { ConditionExplanation, RouteExplanation } from './explain-route.ts'
export { hashOf } from './hash.ts'
export type { MatchInput, PathMatchInput, StringMatchInput } from './match-schema.ts'
// What is wrong with it
export { type Fragment, type FragmentViolation, type Merged, mergeFragments } from './merge.ts'
export type { CircuitBreakerPolicy } from './policy/circuit-breaker.ts'
export type { HealthCheckPolicy } from './policy/health-check.ts'
export type { LoadBalancerPolicy } from './policy/load-balancer.ts'
export type { OutlierDetectionPolicy } from './policy/outlier-detection.ts'
export type { RetryPolicy } from './policy/retry.ts'
export type { TimeoutPolicy } from './policy/timeout.ts'
export type { TlsPolicy } from './policy/tls.ts'
export { type ResolvedMesh, resolve } from './resolve.ts'
export type {
  Cluster,
  Endpoint,
  OutboundService,
  Route,
  Snapshot,
  SnapshotConfig,
  SnapshotEndpoints,
} from './snapshot.ts'
export { type Validation, validate } from './validate.ts'
export { formatViolations, InvalidMesh, type Violation } from './violation.ts'
