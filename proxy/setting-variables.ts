/** Every environment variable of the proxy: its name, what it means, its default. `settings.ts` reads them. */
import type { Parse } from './setting-values.ts'
import * as parse from './setting-values.ts'

export interface Variable<T> {
  readonly name: string
  readonly meaning: string
  /** As it would be written; undefined: there is none. */
  readonly fallback: string | undefined
  readonly parse: Parse<T>
}

const variable = <T>(
  name: string,
  fallback: string | undefined,
  parse: Parse<T>,
  meaning: string,
): Variable<T> => ({
  name,
  meaning,
  fallback,
  parse,
})

const explicitPorts = parse.pairs(parse.servicePort, parse.port, 'payments:80=41001,orders:80=41002')
const appPorts = parse.pairs(parse.port, parse.port, '3000=41234')
const logLevels = parse.oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')

/** Every variable that the proxy reads. */
export const VARIABLES = {
  mesh: variable('SELVAGE_MESH', undefined, parse.name, 'Name of the mesh.'),
  workload: variable('SELVAGE_WORKLOAD', undefined, parse.name, 'The workload beside which this proxy runs.'),
  controlUrl: variable('SELVAGE_CONTROL_URL', undefined, parse.httpsUrl, 'Where the control plane is.'),
  joinToken: variable(
    'SELVAGE_JOIN_TOKEN',
    undefined,
    parse.text,
    'Proves the workload once, for the first certificate.',
  ),
  joinTokenFile: variable(
    'SELVAGE_JOIN_TOKEN_FILE',
    undefined,
    parse.text,
    'File that holds the join token.',
  ),
  configFile: variable(
    'SELVAGE_CONFIG_FILE',
    undefined,
    parse.text,
    'A snapshot as JSON, watched, instead of a control plane.',
  ),
  identityDir: variable(
    'SELVAGE_IDENTITY_DIR',
    undefined,
    parse.text,
    'Directory with cert.pem, key.pem and bundle.pem, watched, instead of a control plane.',
  ),
  stateDir: variable(
    'SELVAGE_STATE_DIR',
    undefined,
    parse.text,
    'Directory (0700) that keeps certificate, key, instance and last good snapshot over restarts. Without it: memory only.',
  ),
  instance: variable(
    'SELVAGE_INSTANCE',
    undefined,
    parse.label,
    'Id of this endpoint. Default: random, kept in the state directory.',
  ),
  advertiseAddress: variable(
    'SELVAGE_ADVERTISE_ADDRESS',
    '127.0.0.1',
    parse.ipAddress,
    'IP address at which other sidecars reach this one.',
  ),
  inbound: variable(
    'SELVAGE_INBOUND_ADDRESS',
    '0.0.0.0:15006',
    parse.hostPort,
    'Where other sidecars connect; port 0: a free one.',
  ),
  adminPort: variable(
    'SELVAGE_ADMIN_PORT',
    '15000',
    parse.port,
    'Admin endpoints on 127.0.0.1; 0: a free one.',
  ),
  health: variable(
    'SELVAGE_HEALTH_ADDRESS',
    '0.0.0.0:15021',
    parse.hostPort,
    'Where /ready and /live answer.',
  ),
  interception: variable(
    'SELVAGE_INTERCEPTION',
    'loopback',
    parse.oneOf('loopback', 'explicit'),
    'How calls get in: "loopback" binds each service\'s 127.83.x.y address and dial port, "explicit" a port of 127.0.0.1 per service.',
  ),
  explicitPorts: variable(
    'SELVAGE_EXPLICIT_PORTS',
    '',
    explicitPorts,
    'Ports of explicit listeners, "payments:80=41001,…"; other services get a free one.',
  ),
  httpProxyPort: variable(
    'SELVAGE_HTTP_PROXY_PORT',
    undefined,
    parse.port,
    'Port on 127.0.0.1 that serves as HTTP_PROXY; 0: a free one. Without it there is none.',
  ),
  appAddress: variable('SELVAGE_APP_ADDRESS', '127.0.0.1', parse.ipAddress, 'Where the app listens.'),
  appPorts: variable(
    'SELVAGE_APP_PORTS',
    '',
    appPorts,
    'Ports of the app that differ from the document, "targetPort=actual,…".',
  ),
  drainDelayMs: variable(
    'SELVAGE_DRAIN_DELAY',
    '5s',
    parse.durationMs,
    'How long to accept after deregistration, until callers have noticed.',
  ),
  drainTimeoutMs: variable(
    'SELVAGE_DRAIN_TIMEOUT',
    '30s',
    parse.durationMs,
    'How long requests in flight may take after that.',
  ),
  leaseSeconds: variable(
    'SELVAGE_LEASE',
    '15s',
    parse.seconds(3, 3600),
    'Lease of the registration; renewed at a third of it.',
  ),
  zone: variable('SELVAGE_ZONE', undefined, parse.label, 'Availability zone of this endpoint.'),
  versionLabel: variable(
    'SELVAGE_VERSION_LABEL',
    undefined,
    parse.label,
    'Version that the endpoint shows in status and topology.',
  ),
  logLevel: variable('SELVAGE_LOG_LEVEL', 'info', logLevels, 'Least severity that is logged.'),
  maxConnections: variable(
    'SELVAGE_MAX_CONNECTIONS',
    '10000',
    parse.count(1),
    'Open connections per listener; more are closed at once.',
  ),
  maxHeaderBytes: variable(
    'SELVAGE_MAX_HEADER_BYTES',
    '64KiB',
    parse.bytes,
    'Largest header section of a message.',
  ),
  maxHeaderCount: variable(
    'SELVAGE_MAX_HEADER_COUNT',
    '128',
    parse.count(1),
    'Most header fields of a message.',
  ),
  maxLineBytes: variable(
    'SELVAGE_MAX_LINE_BYTES',
    '16KiB',
    parse.bytes,
    'Longest request line or status line.',
  ),
  maxBodyBytes: variable(
    'SELVAGE_MAX_BODY_BYTES',
    '0',
    parse.bytes,
    'Largest request body; 0: any (bodies stream, they are never held).',
  ),
  maxReadAheadBytes: variable(
    'SELVAGE_MAX_READ_AHEAD_BYTES',
    '64KiB',
    parse.bytes,
    'What a client may send ahead of the answer that it waits for (pipelining).',
  ),
  headerTimeoutMs: variable(
    'SELVAGE_HEADER_TIMEOUT',
    '30s',
    parse.durationMs,
    'Longest wait for a whole header section; 0s: any.',
  ),
  bodyIdleTimeoutMs: variable(
    'SELVAGE_BODY_IDLE_TIMEOUT',
    '60s',
    parse.durationMs,
    'Longest wait for the next byte of a request body; 0s: any.',
  ),
  keepAliveTimeoutMs: variable(
    'SELVAGE_KEEP_ALIVE_TIMEOUT',
    '1h',
    parse.durationMs,
    'How long an idle connection stays open; 0s: for ever.',
  ),
  http2MaxStreams: variable(
    'SELVAGE_HTTP2_MAX_STREAMS',
    '256',
    parse.count(1),
    'Requests at once on one connection of HTTP/2; beyond that a stream is refused.',
  ),
  http2MaxWindowBytes: variable(
    'SELVAGE_HTTP2_MAX_WINDOW_BYTES',
    '4MiB',
    parse.bytes,
    'What one connection of HTTP/2 may make this proxy hold; its windows grow up to that while readers keep up.',
  ),
  http2MaxResets: variable(
    'SELVAGE_HTTP2_MAX_RESETS',
    '1000',
    parse.count(1),
    'Streams that a client may reset in ten seconds, besides one for each that ran to its end.',
  ),
  http2MaxIdleFrames: variable(
    'SELVAGE_HTTP2_MAX_IDLE_FRAMES',
    '2000',
    parse.count(1),
    'Frames of one kind (PING, WINDOW_UPDATE, empty DATA…) that a peer may send in ten seconds, besides those that real work brings along.',
  ),
  http2PingAfterMs: variable(
    'SELVAGE_HTTP2_PING_AFTER',
    '30s',
    parse.durationMs,
    'A connection of HTTP/2 with requests on which nothing came for so long is asked whether it is alive; 0s: never.',
  ),
  otlpEndpoint: variable(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    undefined,
    parse.httpUrl,
    'OTLP/HTTP collector; spans go to its /v1/traces.',
  ),
  otlpTracesEndpoint: variable(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    undefined,
    parse.httpUrl,
    'URL for spans, taken as it is.',
  ),
} as const satisfies Record<string, Variable<unknown>>
