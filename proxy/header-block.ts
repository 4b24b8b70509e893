/**
 * The fields of a message, kept as the bytes of an HTTP/1.1 header section (`name: value\r\n`…) with the
 * offsets of each field. Every codec reads into this form and writes out of it: HTTP/1.1 forwards runs of bytes
 * untouched, HTTP/2 walks the offsets. Names are lower-cased for comparison, never in the bytes.
 */
export class HeaderBlock {
  static readonly EMPTY = new HeaderBlock()

  /** Builds a block from pairs, for responses of the sidecar itself and for tests. */
  static of(_fields: readonly (readonly [name: string, value: string])[]): HeaderBlock {
    throw new Error('codec helper: implement')
  }

  /** Value of a field; repeated fields are joined by `, ` (RFC 9110 5.3); undefined when absent. `name` in lower case. */
  get(_name: string): string | undefined {
    throw new Error('codec helper: implement')
  }

  has(_name: string): boolean {
    throw new Error('codec helper: implement')
  }

  /** All fields in wire order, names in lower case. */
  forEach(_visit: (name: string, value: string) => void): void {
    throw new Error('codec helper: implement')
  }
}

/** Changes to a header section that are applied when it is written: cheap, ordered, never touching the bytes. */
export class HeaderEdits {
  /** Replaces all fields of that name by one. `name` in lower case. */
  set(_name: string, _value: string): this {
    throw new Error('codec helper: implement')
  }

  append(_name: string, _value: string): this {
    throw new Error('codec helper: implement')
  }

  remove(_name: string): this {
    throw new Error('codec helper: implement')
  }
}
