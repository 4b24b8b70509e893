/** Connections to nothing: what is sent on them is answered by the test. */
import type { BodySink, BodySource } from '../../../proxy/body.ts'
import type { ClientConnection } from '../../../proxy/codec/codec.ts'
import { Failure } from '../../../proxy/failure.ts'
import { HeaderBlock } from '../../../proxy/header-block.ts'
import type { OutgoingRequest, Response } from '../../../proxy/message.ts'
import type { Transport } from '../../../proxy/transport.ts'
import type { ConnectionEvents, Connector, Destination } from '../../../proxy/upstream/connector.ts'

/** A request on a connection, as the other side sees it. */
export class FakeCall {
  readonly request: OutgoingRequest
  readonly connection: FakeConnection
  readonly response: Promise<Response>
  private resolve!: (response: Response) => void
  private reject!: (failure: Failure) => void
  private over = false
  private answered = false
  private sink: BodySink | undefined

  constructor(request: OutgoingRequest, connection: FakeConnection) {
    this.request = request
    this.connection = connection
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    request.onCancel = failure => this.break(failure)
  }

  get ended(): boolean {
    return this.over
  }

  /** Sends a head, and the end at once unless `open`. */
  respond(status: number, fields: Record<string, string> = {}, open = false): void {
    const body: BodySource = {
      length: open ? undefined : 0,
      pipe: sink => {
        this.sink = sink
        if (this.over) sink.end()
      },
      resume: () => {},
      cancel: failure => this.break(failure),
    }
    this.answered = true
    this.resolve({ status, headers: HeaderBlock.of(Object.entries(fields)), body, edits: undefined })
    if (!open) this.finish()
  }

  /** The last byte of the response, if its head was sent. */
  finish(): void {
    if (this.over || !this.answered) return
    this.over = true
    this.request.onCancel = undefined
    this.sink?.end()
    this.request.onEnd(undefined)
    this.connection.free()
  }

  /** The connection breaks. */
  break(failure: Failure = new Failure('upstream-reset', 'the connection broke')): void {
    if (this.over) return
    this.over = true
    this.request.onCancel = undefined
    this.reject(failure)
    this.sink?.reset(failure)
    this.request.onEnd(failure)
    this.connection.close()
  }
}

export class FakeConnection implements ClientConnection {
  readonly destination: Destination
  readonly calls: FakeCall[] = []
  capacity = 1
  sent = 0
  exhausted = false
  closed = false
  private readonly connector: FakeConnector
  private readonly events: ConnectionEvents

  constructor(destination: Destination, events: ConnectionEvents, connector: FakeConnector) {
    this.destination = destination
    this.events = events
    this.connector = connector
    this.capacity = connector.streams
  }

  send(request: OutgoingRequest): Promise<Response> {
    if (this.capacity === 0) throw new Error('sent on a connection without capacity')
    this.capacity--
    this.sent++
    const call = new FakeCall(request, this)
    this.calls.push(call)
    this.connector.took(call)
    return call.response
  }

  free(): void {
    if (this.exhausted) this.close()
    if (this.closed) return
    this.capacity++
    this.events.onChange(this)
  }

  drain(): void {
    if (this.exhausted) return
    this.exhausted = true
    const busy = this.calls.some(call => !call.ended)
    this.capacity = 0
    if (!busy) this.close()
  }

  /** The other side hangs up. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.exhausted = true
    this.capacity = 0
    for (const call of this.calls) call.break()
    this.events.onClose(this)
  }

  destroy(failure?: Failure): void {
    for (const call of this.calls) call.break(failure)
    this.close()
  }
}

/** One wish for a connection; answered by `accept` or `refuse`. */
export interface FakeConnect {
  readonly destination: Destination
  readonly timeoutMs: number
  accept(): FakeConnection
  refuse(failure?: Failure): void
}

export class FakeConnector implements Connector {
  readonly connects: FakeConnect[] = []
  readonly connections: FakeConnection[] = []
  readonly calls: FakeCall[] = []
  readonly opened: Destination[] = []
  /** Addresses that refuse, as `address:port`. */
  readonly down = new Set<string>()
  /** Connect at once; otherwise the test answers each of `connects`. */
  immediate = true
  /** Answers calls at once, when given. */
  serve: ((call: FakeCall) => void) | undefined
  /** Requests that a connection takes at once. */
  streams = 1
  /** What is expected of one before it is there, when it is something else. */
  expectedStreams: number | undefined

  expectedCapacity(): number {
    return this.expectedStreams ?? this.streams
  }

  connect(destination: Destination, timeoutMs: number, events: ConnectionEvents): Promise<ClientConnection> {
    return new Promise((resolve, reject) => {
      const connect: FakeConnect = {
        destination,
        timeoutMs,
        accept: () => {
          const connection = new FakeConnection(destination, events, this)
          this.connections.push(connection)
          resolve(connection)
          return connection
        },
        refuse: (failure = new Failure('connect-failure', 'connection refused')) => reject(failure),
      }
      this.connects.push(connect)
      if (!this.immediate) return
      if (this.down.has(`${destination.address}:${destination.port}`)) connect.refuse()
      else connect.accept()
    })
  }

  open(destination: Destination): Promise<Transport> {
    this.opened.push(destination)
    if (this.down.has(`${destination.address}:${destination.port}`)) {
      return Promise.reject(new Failure('connect-failure', 'connection refused'))
    }
    return Promise.resolve({ destroy: () => {} } as Transport)
  }

  took(call: FakeCall): void {
    this.calls.push(call)
    this.serve?.(call)
  }

  /** The latest call. */
  get call(): FakeCall {
    const call = this.calls.at(-1)
    if (call === undefined) throw new Error('nothing was sent')
    return call
  }
}
