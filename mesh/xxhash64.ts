/**
 * xxHash64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, section XXH64), seed 0. Not a
 * cryptographic hash: it tells whether a value changed. Written on pairs of 32-bit halves, because BigInt would
 * cost more than the JSON that it hashes.
 */

/** A 64-bit word that operations change in place. */
interface Word {
  high: number
  low: number
}

const word = (high: number, low: number): Word => ({ high: high | 0, low: low | 0 })

const PRIME_1 = word(0x9e3779b1, 0x85ebca87)
const PRIME_2 = word(0xc2b2ae3d, 0x27d4eb4f)
const PRIME_3 = word(0x165667b1, 0x9e3779f9)
const PRIME_4 = word(0x85ebca77, 0xc2b2ae63)
const PRIME_5 = word(0x27d4eb2f, 0x165667c5)

function add(a: Word, b: Word): void {
  const low = (a.low >>> 0) + (b.low >>> 0)
  a.high = (a.high + b.high + (low > 0xffff_ffff ? 1 : 0)) | 0
  a.low = low | 0
}

function xor(a: Word, b: Word): void {
  a.high ^= b.high
  a.low ^= b.low
}

/** Schoolbook on 16-bit limbs: no product leaves the 53 bits that a number holds exactly. */
function multiply(a: Word, b: Word): void {
  const a0 = a.low & 0xffff
  const a1 = a.low >>> 16
  const b0 = b.low & 0xffff
  const b1 = b.low >>> 16
  const bottom = a0 * b0
  const middle = a0 * b1 + a1 * b0 + Math.floor(bottom / 0x1_0000)
  const carried = a1 * b1 + Math.floor(middle / 0x1_0000)
  a.high = (carried + Math.imul(a.high, b.low) + Math.imul(a.low, b.high)) | 0
  a.low = ((middle & 0xffff) << 16) | (bottom & 0xffff)
}

function rotateLeft(a: Word, bits: number): void {
  const [high, low] = bits >= 32 ? [a.low, a.high] : [a.high, a.low]
  const by = bits & 31
  a.high = (high << by) | (low >>> (32 - by))
  a.low = (low << by) | (high >>> (32 - by))
}

/** `a ^= a >>> bits`. */
function xorShift(a: Word, bits: number): void {
  const high = bits >= 32 ? 0 : a.high >>> bits
  const low = bits >= 32 ? a.high >>> (bits - 32) : (a.low >>> bits) | (a.high << (32 - bits))
  a.high ^= high
  a.low ^= low
}

function round(accumulator: Word, lane: Word): void {
  multiply(lane, PRIME_2)
  add(accumulator, lane)
  rotateLeft(accumulator, 31)
  multiply(accumulator, PRIME_1)
}

function stripes(view: DataView, lane: Word): { hash: Word; offset: number } {
  const accumulators = [
    word(0, 0),
    { ...PRIME_2 },
    word(0, 0),
    word(-PRIME_1.high - 1, -PRIME_1.low),
  ] as const
  add(accumulators[0], PRIME_1)
  add(accumulators[0], PRIME_2)
  let offset = 0
  for (; offset + 32 <= view.byteLength; offset += 32)
    for (let index = 0; index < 4; index++) {
      read(view, offset + index * 8, lane)
      round(accumulators[index]!, lane)
    }
  return { hash: converge(accumulators), offset }
}

const ROTATIONS = [1, 7, 12, 18] as const

function converge(accumulators: readonly Word[]): Word {
  const hash = word(0, 0)
  ROTATIONS.forEach((bits, index) => {
    const rotated = { ...accumulators[index]! }
    rotateLeft(rotated, bits)
    add(hash, rotated)
  })
  for (const accumulator of accumulators) {
    const merged = word(0, 0)
    round(merged, { ...accumulator })
    xor(hash, merged)
    multiply(hash, PRIME_1)
    add(hash, PRIME_4)
  }
  return hash
}

function read(view: DataView, offset: number, lane: Word): void {
  lane.low = view.getInt32(offset, true)
  lane.high = view.getInt32(offset + 4, true)
}

/** The rest of the input, less than 32 bytes: words of 8, one of 4, single bytes. */
function tail(view: DataView, from: number, hash: Word, lane: Word): void {
  let offset = from
  for (; offset + 8 <= view.byteLength; offset += 8) {
    read(view, offset, lane)
    const mixed = word(0, 0)
    round(mixed, lane)
    xor(hash, mixed)
    rotateLeft(hash, 27)
    multiply(hash, PRIME_1)
    add(hash, PRIME_4)
  }
  if (offset + 4 <= view.byteLength) {
    mix(hash, word(0, view.getInt32(offset, true)), PRIME_1, 23)
    multiply(hash, PRIME_2)
    add(hash, PRIME_3)
    offset += 4
  }
  for (; offset < view.byteLength; offset++) {
    mix(hash, word(0, view.getUint8(offset)), PRIME_5, 11)
    multiply(hash, PRIME_1)
  }
}

function mix(hash: Word, lane: Word, prime: Word, bits: number): void {
  multiply(lane, prime)
  xor(hash, lane)
  rotateLeft(hash, bits)
}

const hex = (half: number) => (half >>> 0).toString(16).padStart(8, '0')

/** 16 digits in lower-case hex, most significant first. */
export function xxhash64(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const lane = word(0, 0)
  const { hash, offset } = bytes.length >= 32 ? stripes(view, lane) : { hash: { ...PRIME_5 }, offset: 0 }
  add(hash, word(Math.floor(bytes.length / 0x1_0000_0000), bytes.length))
  tail(view, offset, hash, lane)
  xorShift(hash, 33)
  multiply(hash, PRIME_2)
  xorShift(hash, 29)
  multiply(hash, PRIME_3)
  xorShift(hash, 32)
  return hex(hash.high) + hex(hash.low)
}
