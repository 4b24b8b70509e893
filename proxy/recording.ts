/** Bytes held for later readers, addressed by their position in the body. */
import { retain } from './buffer.ts'

/** Chunks smaller than this share a page, so that a body sent byte by byte costs no object for each. */
const PAGE_BYTES = 4096

interface Page {
  readonly start: number
  readonly bytes: Buffer
  filledBytes: number
}

export class Recording {
  /** Position after the last byte. */
  end = 0
  private readonly pages: Page[] = []

  /** Bytes between the oldest that is held and the end. */
  get heldBytes(): number {
    return this.pages.length === 0 ? 0 : this.end - this.pages[0]!.start
  }

  /** Copies a chunk to the end. */
  append(chunk: Buffer): void {
    const last = this.pages.at(-1)
    if (last !== undefined && last.bytes.length - last.filledBytes >= chunk.length) {
      chunk.copy(last.bytes, last.filledBytes)
      last.filledBytes += chunk.length
    } else {
      this.pages.push(this.newPage(chunk, last === undefined))
    }
    this.end += chunk.length
  }

  /** Moves the end past bytes that nobody needs. Only while nothing is held. */
  skip(bytes: number): void {
    this.end += bytes
  }

  /** What is held from a position on, as far as it lies in one piece. Valid until it is dropped. */
  at(position: number): Buffer {
    // Backwards: readers are mostly at the end.
    for (let i = this.pages.length - 1; i >= 0; i--) {
      const page = this.pages[i]!
      if (page.start <= position) return page.bytes.subarray(position - page.start, page.filledBytes)
    }
    throw new RangeError(`position ${position} is no longer held`)
  }

  /** Frees the pages that lie wholly before a position. */
  dropBefore(position: number): void {
    let unneeded = 0
    for (const page of this.pages) {
      if (page.start + page.filledBytes > position) break
      unneeded++
    }
    if (unneeded > 0) this.pages.splice(0, unneeded)
  }

  clear(): void {
    this.pages.length = 0
  }

  /** The first page has just the size of what it holds: most bodies are one chunk. */
  private newPage(chunk: Buffer, isFirst: boolean): Page {
    if (isFirst || chunk.length >= PAGE_BYTES) {
      return { start: this.end, bytes: retain(chunk), filledBytes: chunk.length }
    }
    const bytes = Buffer.allocUnsafeSlow(PAGE_BYTES)
    chunk.copy(bytes)
    return { start: this.end, bytes, filledBytes: chunk.length }
  }
}
