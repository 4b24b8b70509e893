/**
 * The Huffman code of HPACK (RFC 7541 5.2 and Appendix B). The code is canonical: the lengths say everything.
 * Decoding walks a table four bits at a time; no code is shorter than five bits, so a step emits one symbol at most.
 */

const EOS = 256

/** Length of each symbol's code in bits, 16 symbols a row; the last one is EOS. */
const CODE_LENGTHS: readonly number[] = [
  [13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  [28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  [6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  [5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  [13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  [7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  [15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  [6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  [20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  [24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  [22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  [21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  [26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  [19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  [20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  [26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  [30],
].flat()

/** Code of each symbol, in the low bits. */
const CODES = canonicalCodes()

function canonicalCodes(): Uint32Array {
  const symbols = CODE_LENGTHS.map((_, symbol) => symbol)
  symbols.sort((a, b) => CODE_LENGTHS[a]! - CODE_LENGTHS[b]! || a - b)
  const codes = new Uint32Array(CODE_LENGTHS.length)
  let next = 0
  let length = 0
  for (const symbol of symbols) {
    next <<= CODE_LENGTHS[symbol]! - length
    length = CODE_LENGTHS[symbol]!
    codes[symbol] = next++
  }
  return codes
}

/** What a step leads to: the next state, and what it emitted. */
const NOTHING = 0xffff
const FAILED = 0xfffe
const nextState = new Uint8Array(256 * 16)
const emitted = new Uint16Array(256 * 16)
/** Whether a string may end here: less than a byte of padding, all ones (RFC 7541 5.2). */
const mayEnd = new Uint8Array(256)
buildSteps()

interface Node {
  readonly state: number
  readonly children: [Node | number | undefined, Node | number | undefined]
}

function buildTree(): Node[] {
  const nodes: Node[] = [{ state: 0, children: [undefined, undefined] }]
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = nodes[0]!
    for (let bit = CODE_LENGTHS[symbol]! - 1; bit > 0; bit--) {
      const side = (CODES[symbol]! >>> bit) & 1
      let child = node.children[side]
      if (typeof child !== 'object') {
        child = { state: nodes.length, children: [undefined, undefined] }
        nodes.push(child)
        node.children[side] = child
      }
      node = child
    }
    node.children[CODES[symbol]! & 1] = symbol
  }
  return nodes
}

function buildSteps(): void {
  const nodes = buildTree()
  for (const node of nodes) {
    for (let nibble = 0; nibble < 16; nibble++) buildStep(nodes[0]!, node, nibble)
  }
  let node: Node | number | undefined = nodes[0]
  for (let ones = 0; ones < 8 && typeof node === 'object'; ones++) {
    mayEnd[node.state] = 1
    node = node.children[1]
  }
}

function buildStep(root: Node, from: Node, nibble: number): void {
  const step = from.state * 16 + nibble
  let node = from
  emitted[step] = NOTHING
  for (let bit = 3; bit >= 0; bit--) {
    const child = node.children[((nibble >>> bit) & 1) as 0 | 1]
    if (typeof child === 'object') {
      node = child
    } else if (child === EOS) {
      emitted[step] = FAILED
      return
    } else {
      emitted[step] = child!
      node = root
    }
  }
  nextState[step] = node.state
}

/** No string is longer than what it decodes to times this: the shortest code has five bits. */
const MOST_PER_BYTE = 8 / 5

let scratch = Buffer.allocUnsafe(4096)

/**
 * The octets of `bytes[start, end)` decoded, as latin1 text; undefined if they are no valid code: EOS inside,
 * padding of a byte or more, padding that is not all ones (RFC 7541 5.2: a decoding error each).
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number): string | undefined {
  const most = Math.ceil((end - start) * MOST_PER_BYTE)
  if (scratch.length < most) scratch = Buffer.allocUnsafe(most)
  let state = 0
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    for (let shift = 4; shift >= 0; shift -= 4) {
      const step = state * 16 + ((byte >>> shift) & 15)
      const symbol = emitted[step]!
      if (symbol === FAILED) return undefined
      if (symbol !== NOTHING) scratch[length++] = symbol
      state = nextState[step]!
    }
  }
  return mayEnd[state] === 1 ? scratch.latin1Slice(0, length) : undefined
}

/** Bytes that `text` (latin1) takes when encoded. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += CODE_LENGTHS[text.charCodeAt(i)]!
  return (bits + 7) >>> 3
}

/** Writes `text` (latin1) at `at`, padded with ones; returns the position behind it. */
export function writeHuffman(text: string, out: Buffer, at: number): number {
  let position = at
  /** Bits not written yet, in the low end: never more than 7 between two parts. */
  let held = 0
  let heldBits = 0
  const put = (code: number, bits: number): void => {
    held = (held << bits) | code
    heldBits += bits
    while (heldBits >= 8) {
      heldBits -= 8
      out[position++] = held >>> heldBits
    }
  }
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i)
    const code = CODES[symbol]!
    const bits = CODE_LENGTHS[symbol]!
    // With 7 bits held, a code of more than 24 does not fit a 32-bit word: it goes in two parts.
    if (bits > 24) {
      put(code >>> 16, bits - 16)
      put(code & 0xffff, 16)
    } else put(code, bits)
  }
  if (heldBits > 0) out[position++] = (held << (8 - heldBits)) | (0xff >>> heldBits)
  return position
}
