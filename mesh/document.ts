/**
 * The mesh document: the whole mesh as data, in names that authors chose. This schema is the only definition of
 * what may be written; the published JSON Schema is generated from it. Objects are strict: a key that nothing
 * implements is a violation.
 */
import { z } from 'zod'
import type { Authored } from './authored.ts'
import { headersSchema, matchSchema, methodSchema } from './match-schema.ts'
import {
  domainSchema,
  hostSchema,
  labelSchema,
  nameKeySchema,
  nameSchema,
  percentSchema,
  portSchema,
  targetNameSchema,
  usedNameSchema,
} from './name.ts'
import { accessRuleFields } from './policy/access.ts'
import { circuitBreakerSchema } from './policy/circuit-breaker.ts'
import { healthCheckSchema } from './policy/health-check.ts'
import { loadBalancerSchema } from './policy/load-balancer.ts'
import { outlierDetectionSchema } from './policy/outlier-detection.ts'
import { retrySchema } from './policy/retry.ts'
import { timeoutSchema } from './policy/timeout.ts'
import { tlsSchema } from './policy/tls.ts'

/** `false` switches off what a wider level set. */
const orOff = <T extends z.ZodType>(schema: T) => z.union([schema, z.literal(false)]).optional()

const requestPolicies = { retry: orOff(retrySchema), timeout: orOff(timeoutSchema) }

const workloadPolicies = {
  loadBalancer: orOff(loadBalancerSchema),
  circuitBreaker: orOff(circuitBreakerSchema),
  outlierDetection: orOff(outlierDetectionSchema),
  healthCheck: orOff(healthCheckSchema),
  tls: orOff(tlsSchema),
}

const protocolSchema = z.enum(['http', 'http2', 'grpc', 'tcp'])
const portsSchema = z.strictObject({
  port: portSchema.optional().describe('What callers dial: 80 unless given, for tcp the targetPort.'),
  targetPort: portSchema.describe('Where the app listens.'),
  protocol: protocolSchema.optional().describe('Default http.'),
})

const callsSchema = z
  .array(targetNameSchema)
  .max(10_000)
  .optional()
  .describe('Services (or workloads) that it calls. Absent: all. Empty: none.')

const workloadFields = z.strictObject({ calls: callsSchema, ...workloadPolicies })

const workloadSchema = workloadFields.meta({ id: 'Workload' })

const topLevelWorkloadSchema = workloadFields
  .extend({
    services: z
      .array(targetNameSchema)
      .max(100)
      .optional()
      .describe('Services that it stands behind; none: it only calls.'),
  })
  .meta({ id: 'TopLevelWorkload' })

const serviceSchema = z
  .strictObject({
    targetPort: portSchema.optional().describe('Where the app listens.'),
    port: portSchema.optional().describe('What callers dial: 80 unless given, for tcp the targetPort.'),
    protocol: protocolSchema.optional().describe('Default http.'),
    ports: z
      .record(nameKeySchema, portsSchema)
      .optional()
      .describe('Several ports, by name, in place of targetPort.'),
    hosts: z.array(hostSchema).max(100).optional().describe('Further names that callers use.'),
    workloads: z.record(nameKeySchema, workloadSchema).optional(),
    calls: callsSchema,
    order: z
      .literal('listed')
      .optional()
      .describe('The first route that matches wins, in the order of the document.'),
    ...requestPolicies,
    ...workloadPolicies,
  })
  .meta({ id: 'Service' })

const weightSchema = z.number().min(0).max(1_000_000)
const targetSchema = z.strictObject({
  target: targetNameSchema,
  weight: weightSchema.optional().describe('Relative to the other targets. Default 1.'),
  port: portSchema
    .optional()
    .describe('Dial port at the target, when it is not the one that the caller dialled.'),
})

const routeSchema = z
  .strictObject({
    name: nameSchema.optional().describe('Stable key of its metrics and state.'),
    service: targetNameSchema,
    match: matchSchema.optional(),
    priority: z.int().min(0).max(1_000_000).optional().describe('Lower first; none is last.'),
    to: z
      .union([
        targetNameSchema,
        z.record(targetNameSchema, weightSchema),
        z.array(targetSchema).min(1).max(100),
      ])
      .describe('A name, a map of weights, or a list of targets.'),
    ...requestPolicies,
    outlierDetection: orOff(outlierDetectionSchema),
  })
  .meta({ id: 'Route' })

const accessRuleSchema = z
  .strictObject({
    ...accessRuleFields,
    methods: z.array(methodSchema).max(32).optional(),
    headers: headersSchema.optional(),
  })
  .meta({ id: 'AccessRule' })
const accessRulesSchema = z.array(accessRuleSchema).max(10_000)
const accessDefaultSchema = z.enum(['allow', 'deny'])

/**
 * A list of rules; `'deny'` (or `'allow'`, the default): what every service that no rule names does; or both as
 * `{ default, rules }`.
 */
const accessSchema = z.union([
  accessDefaultSchema,
  accessRulesSchema,
  z.strictObject({ default: accessDefaultSchema.optional(), rules: accessRulesSchema.optional() }),
])

const telemetrySchema = z.strictObject({
  accessLog: z.enum(['off', 'json']).optional().describe('Default off.'),
  tracing: z
    .strictObject({
      sample: percentSchema.optional().describe('Percent of the requests without a decision. Default 1.'),
    })
    .optional(),
})

export const meshDocumentSchema = z
  .strictObject({
    $schema: z.string().max(2048).optional().describe('For editors.'),
    name: labelSchema,
    domain: domainSchema.optional().describe('DNS suffix of its names. Default <name>.internal.'),
    trustDomain: domainSchema
      .optional()
      .describe('SPIFFE trust domain; never changes. Default <name>.internal.'),
    normalise: z
      .enum(['none', 'base', 'merge-slashes', 'decode-and-merge-slashes'])
      .optional()
      .describe('How paths are normalised before anything looks at them. Default base.'),
    egress: z
      .enum(['allow-all', 'registry-only'])
      .optional()
      .describe('Calls to hosts outside. Default allow-all.'),
    defaults: z
      .strictObject({ ...requestPolicies, ...workloadPolicies })
      .optional()
      .describe('Policies of the whole mesh.'),
    services: z.record(nameKeySchema, serviceSchema).optional(),
    workloads: z.record(nameKeySchema, topLevelWorkloadSchema).optional(),
    uses: z.array(usedNameSchema).max(10_000).optional().describe('Names that other fragments define.'),
    routes: z.array(routeSchema).max(50_000).optional(),
    access: accessSchema.optional(),
    telemetry: telemetrySchema.optional(),
  })
  .meta({ title: 'Selvage mesh document' })

/** The whole document as any author may write it, names unchecked by the compiler. */
export type MeshDocumentInput = Authored<typeof meshDocumentSchema>
export type ServiceInput = Authored<typeof serviceSchema>
export type WorkloadInput = Authored<typeof workloadSchema>
export type TopLevelWorkloadInput = Authored<typeof topLevelWorkloadSchema>
export type RouteInput = Authored<typeof routeSchema>
export type AccessRuleInput = Authored<typeof accessRuleSchema>
