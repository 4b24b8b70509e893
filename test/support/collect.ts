import type { BodySink, BodySource } from '../../proxy/body.ts'
import type { Failure } from '../../proxy/failure.ts'
import type { HeaderBlock } from '../../proxy/header-block.ts'

export interface Collected {
  readonly text: string
  readonly trailers: HeaderBlock | undefined
}

/** Reads a body to its end; rejects with the failure that broke it. */
export function collect(source: BodySource): Promise<Collected> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const sink: BodySink = {
      write(chunk) {
        chunks.push(Buffer.from(chunk))
        return true
      },
      end: trailers => resolve({ text: Buffer.concat(chunks).toString('latin1'), trailers }),
      reset: (failure: Failure) => reject(failure),
    }
    source.pipe(sink)
  })
}
