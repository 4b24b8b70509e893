import type { Log, LogFields } from '../../proxy/telemetry/log.ts'

export interface LogLine extends LogFields {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
}

/** Keeps what is logged. */
export function keptLog(): Log & { readonly lines: LogLine[]; of(event: string): LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: LogLine['level']) => (fields: LogFields, message: string) => {
    lines.push({ ...fields, level, message })
  }
  return {
    lines,
    of: event => lines.filter(line => line.event === event),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
}
