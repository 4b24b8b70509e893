/**
 * Everything that carries traffic, wired together on one page: upstream state, the lists of filters, the listeners.
 * Where configuration and certificates come from is nothing that it knows.
 */
import type { Clock, Random } from '../mesh/clock.ts'
import type { SnapshotConfig } from '../mesh/snapshot.ts'
import { AppProbe } from './app-probe.ts'
import { httpServer } from './codec/http-server.ts'
import type { Http2Defence } from './codec/http2/limits.ts'
import type { AccessDependencies } from './connection/access.ts'
import { connectionInbound, connectionOutbound } from './connection.ts'
import { SecureContexts } from './identity/secure-contexts.ts'
import { inbound } from './inbound.ts'
import { Egress } from './listener/egress.ts'
import { EgressGuard, type ForbiddenAddress } from './listener/egress-guard.ts'
import { HttpConnections } from './listener/http-connections.ts'
import { HttpProxy } from './listener/http-proxy.ts'
import { InboundListener } from './listener/inbound-listener.ts'
import { MeshNames } from './listener/mesh-names.ts'
import { OutboundListeners } from './listener/outbound-listeners.ts'
import { TcpConnections } from './listener/tcp-connections.ts'
import { outbound } from './outbound.ts'
import { Routing } from './routing.ts'
import type { Settings } from './settings.ts'
import type { AccessLog } from './telemetry/access-log.ts'
import type { Log } from './telemetry/log.ts'
import type { MetricsRegistry } from './telemetry/metrics.ts'
import type { SpanSink } from './telemetry/span-sink.ts'
import { Tracer } from './telemetry/tracer.ts'
import { Apps } from './upstream/apps.ts'
import { Clusters } from './upstream/clusters.ts'
import { SocketConnector } from './upstream/socket-connector.ts'

export interface DataPlaneOptions {
  readonly settings: Settings
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly registry: MetricsRegistry
  readonly accessLog: AccessLog
  /** Undefined: nobody collects spans. */
  readonly spans: SpanSink | undefined
  /** Where the HTTP proxy must not lead: the control plane, this proxy's own ports. */
  readonly forbidden: () => readonly ForbiddenAddress[]
  /** The app came or went. */
  readonly appChanged: () => void
}

/** What the snapshot in force means to listeners. */
export interface InForce {
  /** Undefined before the first. */
  config: SnapshotConfig | undefined
  names: MeshNames
}

export interface DataPlane {
  readonly inForce: InForce
  readonly contexts: SecureContexts
  readonly clusters: Clusters
  readonly apps: Apps
  readonly routing: Routing
  readonly access: AccessDependencies
  readonly accessLog: AccessLog
  readonly probe: AppProbe
  readonly inbound: Direction & { readonly listener: InboundListener }
  readonly outbound: Direction & {
    readonly listeners: OutboundListeners
    readonly proxy: HttpProxy | undefined
  }
}

/** The connections that were accepted in one direction. */
export interface Direction {
  readonly http: HttpConnections
  readonly tcp: TcpConnections
}

export function wireDataPlane(options: DataPlaneOptions): DataPlane {
  const { settings, clock, random, log, registry, accessLog } = options
  const { limits, app, workload, interception, explicitPorts, httpProxyPort } = settings
  const inForce: InForce = { config: undefined, names: new MeshNames({ outbound: [], domain: '' }) }

  // Where traffic goes.
  const contexts = new SecureContexts()
  // How long an answer may be silent is a policy (filter `timeout`), not a limit of the codec.
  const patient = { ...limits, bodyIdleTimeoutMs: 0 }
  const connector = new SocketConnector({
    contexts,
    limits: patient,
    http2: limits.http2,
    clock,
    onDefence: defences(registry, 'upstream'),
  })
  const upstream = { connector, clock, random, metrics: registry, log }
  const clusters = new Clusters(upstream)
  const apps = new Apps({
    ...upstream,
    locate: port => ({ address: app.address, port: appPort(settings, port) }),
  })
  const routing = new Routing({ clusters, apps, random })

  // What happens to it on the way.
  const samplePercent = () => inForce.config?.telemetry.traceSamplePercent ?? 0
  const tracer = new Tracer({ clock, random, sink: options.spans, samplePercent })
  const access: AccessDependencies = { routing, registry, open: new Set() }
  const its = { ...access, clock, random, connector, accessLog, tracer, log }
  const inboundHandler = inbound({ ...its, ownId: () => contexts.identity?.spiffeId ?? '' })
  const outboundHandler = outbound(its)

  // How it gets in.
  const http = {
    codec: httpServer,
    limits,
    clock,
    normalise: () => inForce.config?.normalise ?? 'base',
    onDefence: defences(registry, 'downstream'),
  }
  const inwards = {
    http: new HttpConnections(http),
    tcp: new TcpConnections(connectionInbound(its), clock),
  }
  const outwards = {
    http: new HttpConnections(http),
    tcp: new TcpConnections(connectionOutbound(its), clock),
  }
  const listening = { limits, clock, log, registry, workload }
  const listener = new InboundListener({
    ...listening,
    ...inwards,
    handler: inboundHandler,
    address: settings.inbound,
    contexts,
  })
  const listeners = new OutboundListeners({
    ...listening,
    ...outwards,
    handler: outboundHandler,
    interception,
    explicitPorts,
  })
  const egress = new Egress({
    ...its,
    names: () => inForce.names,
    policy: () => inForce.config?.egress ?? 'registry-only',
    guard: new EgressGuard({ ownAddresses: options.forbidden }),
  })
  const proxy =
    httpProxyPort === undefined
      ? undefined
      : new HttpProxy({
          ...listening,
          ...outwards,
          handler: outboundHandler,
          port: httpProxyPort,
          names: () => inForce.names,
          egress,
        })

  return {
    inForce,
    contexts,
    clusters,
    apps,
    routing,
    access,
    accessLog,
    probe: new AppProbe(app.address, clock, options.appChanged),
    inbound: { ...inwards, listener },
    outbound: { ...outwards, listeners, proxy },
  }
}

/** Counts what connections of HTTP/2 were ended for, by who the peer was to us. */
const defences = (registry: MetricsRegistry, peer: 'upstream' | 'downstream') => (defence: Http2Defence) =>
  registry
    .counter('selvage_http2_defences_total', 'Streams and connections of HTTP/2 ended in self-defence.', {
      peer,
      defence,
    })
    .inc()

/** Where the app really listens for a port of the document. */
export const appPort = ({ app }: Settings, targetPort: number): number =>
  app.ports.get(targetPort) ?? targetPort
