/** Whether the app can be reached without its sidecar. */
import { networkInterfaces } from 'node:os'
import type { Clock } from '../../mesh/clock.ts'
import { tryConnect } from '../app-probe.ts'

/** Where the app answers on addresses of this machine that others may reach. */
export async function findBypasses(ports: readonly number[], clock: Clock): Promise<string[]> {
  const addresses = Object.values(networkInterfaces())
    .flatMap(each => each ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80'))
    .map(({ address }) => address)
  const tried = addresses.flatMap(address => ports.map(port => ({ address, port })))
  const open = await Promise.all(
    tried.map(
      ({ address, port }) =>
        new Promise<boolean>(resolve =>
          tryConnect(address, port, clock, reason => resolve(reason === undefined)),
        ),
    ),
  )
  return tried.filter((_, i) => open[i]).map(({ address, port }) => `${address}:${port}`)
}
