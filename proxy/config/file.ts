/** A snapshot from a JSON file, `{ "config": …, "endpoints": … }`, taken anew whenever the file changes. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../../mesh/clock.ts'
import { parseSnapshot } from '../../mesh/snapshot-schema.ts'
import type { Log } from '../telemetry/log.ts'
import { watchDirectory } from '../watch-files.ts'
import type { ConfigSink, ConfigSource } from './config-source.ts'

export class FileConfig implements ConfigSource {
  private readonly options: { readonly file: string; readonly clock: Clock; readonly log: Log }

  constructor(options: { readonly file: string; readonly clock: Clock; readonly log: Log }) {
    this.options = options
  }

  watch(sink: ConfigSink): () => void {
    const { file, clock, log } = this.options
    let last = ''
    const look = () => {
      let text: string
      try {
        text = readFileSync(file, 'utf8')
      } catch (error) {
        const reason = `snapshot file ${file}: ${(error as Error).message}`
        log.warn({ event: 'snapshot-unreadable', reason }, reason)
        return
      }
      if (text === last) return
      last = text
      offer(file, text, sink)
    }
    look()
    return watchDirectory(dirname(file), clock, look)
  }
}

function offer(file: string, text: string, sink: ConfigSink): void {
  try {
    const snapshot = parseSnapshot(JSON.parse(text))
    sink.accept({
      snapshot,
      configHash: hashOf(snapshot.config),
      endpointsHash: hashOf(snapshot.endpoints),
    })
  } catch (error) {
    sink.refuse(`snapshot file ${file}: ${(error as Error).message}`)
  }
}

const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
