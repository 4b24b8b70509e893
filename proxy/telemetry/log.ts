/** The proxy's own log: JSON lines, each with an `event` for machines and a sentence for people. */
import pino from 'pino'
import type { LineOutput } from './output.ts'

/** No secrets, no payload. */
export interface LogFields {
  readonly event: string
  readonly [field: string]: unknown
}

export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

export const createLog = (output: LineOutput, level: string): Log =>
  pino({ level, base: null, formatters: { level: name => ({ level: name }) } }, output)

/** Says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
