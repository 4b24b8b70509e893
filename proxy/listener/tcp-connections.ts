/** The connections of plain bytes that were accepted in one direction. */
import type { Clock } from '../../mesh/clock.ts'
import { Connection, type ConnectionHandler } from '../connection/connection.ts'
import type { Arrival } from '../exchange.ts'
import type { Failure } from '../failure.ts'
import type { Transport } from '../transport.ts'

export class TcpConnections {
  private readonly handler: ConnectionHandler
  private readonly clock: Clock
  private readonly open = new Set<Connection>()

  constructor(handler: ConnectionHandler, clock: Clock) {
    this.handler = handler
    this.clock = clock
  }

  /** Takes over a transport. The handler never rejects: that is what `rescue` is for. */
  begin(transport: Transport, arrival: Arrival): void {
    const connection = new Connection(transport, arrival, this.clock)
    this.open.add(connection)
    void this.handler(connection).finally(() => this.open.delete(connection))
  }

  get size(): number {
    return this.open.size
  }

  destroy(failure: Failure): void {
    for (const connection of this.open) connection.stop(failure)
  }
}
