/** Loopback addresses of services: allocated once, stable for as long as the service exists. */

/** IPv4 addresses that may be given out, both ends included, as 32-bit numbers. */
export interface AddressRange {
  readonly first: number
  readonly last: number
  /** As written. */
  readonly text: string
}

export const DEFAULT_ADDRESS_RANGE = '127.83.0.0/16'

/** There is no address left for a service. */
export class AddressesExhausted extends Error {
  readonly code = 'ADDRESSES_EXHAUSTED'
}

/**
 * @param text CIDR within 127.0.0.0/8 that leaves alone what others use there: 127.0.0.0/16 (localhost itself) and
 *   127.255.0.0/16 (ECS Service Connect)
 * @throws RangeError
 */
export function parseAddressRange(text: string): AddressRange {
  const [, address, bits] = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(text) ?? []
  const octets = address?.split('.').map(Number) ?? []
  const prefix = Number(bits)
  const wellFormed =
    octets.length === 4 && octets.every(octet => octet <= 255) && prefix >= 16 && prefix <= 30
  if (!wellFormed)
    throw new RangeError(`address range: found "${text}", expected a CIDR such as "127.83.0.0/16"`)
  const size = 2 ** (32 - prefix)
  const network = toNumber(octets)
  if (network % size !== 0) throw new RangeError(`address range: "${text}" has bits set behind its prefix`)
  if (octets[0] !== 127 || octets[1] === 0 || octets[1] === 255) {
    throw new RangeError(
      `address range: "${text}" is not within 127.1.0.0 to 127.254.255.255, which loopback interception needs`,
    )
  }
  // Neither the network's own address nor its broadcast address: some systems treat them apart.
  return { first: network + 1, last: network + size - 2, text }
}

/**
 * An address for each service: the one it has, else the one preferred (of a revision that is restored) if it is
 * free, else the lowest that is free. What is not among `services` is freed.
 *
 * @throws AddressesExhausted
 */
export function allocateAddresses(
  services: Iterable<string>,
  current: ReadonlyMap<string, string>,
  range: AddressRange,
  preferred: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const wanted = [...services]
  const next = new Map<string, string>()
  const taken = new Set<string>()
  const give = (service: string, address: string | undefined): void => {
    if (address === undefined || next.has(service) || taken.has(address)) return
    next.set(service, address)
    taken.add(address)
  }
  for (const service of wanted) give(service, current.get(service))
  for (const service of wanted) give(service, preferred.get(service))
  let candidate = range.first
  for (const service of wanted) {
    if (next.has(service)) continue
    while (candidate <= range.last && taken.has(toText(candidate))) candidate++
    if (candidate > range.last) throw exhausted(range, wanted.length)
    give(service, toText(candidate))
  }
  return next
}

const exhausted = (range: AddressRange, services: number): AddressesExhausted =>
  new AddressesExhausted(
    `no loopback address is left: ${range.text} holds ${range.last - range.first + 1}, and the mesh would have ` +
      `${services} services; give the control plane a larger range`,
  )

const toNumber = (octets: readonly number[]): number => octets.reduce((sum, octet) => sum * 256 + octet, 0)
const toText = (address: number): string =>
  [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.')
