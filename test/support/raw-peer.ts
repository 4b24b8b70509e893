import type { Transport } from '../../proxy/transport.ts'
import { until } from './until.ts'

/** The other end of a connection, for tests that speak in bytes. */
export class RawPeer {
  /** Everything that came, one character a byte. */
  text = ''
  /** FIN has come. */
  ended = false
  /** The connection is gone: whether in peace. */
  closed: 'no' | 'closed' | 'broken' = 'no'
  readonly transport: Transport

  constructor(transport: Transport) {
    this.transport = transport
    transport.onRead = chunk => {
      this.text += chunk.toString('latin1')
    }
    transport.onReadEnd = () => {
      this.ended = true
    }
    transport.onClose = error => {
      this.closed = error === undefined ? 'closed' : 'broken'
    }
    transport.resume()
  }

  send(text: string): this {
    this.transport.write(Buffer.from(text, 'latin1'))
    return this
  }

  /** What came until then, once it holds `part`. */
  async receives(part: string | RegExp): Promise<string> {
    const isThere = () => (typeof part === 'string' ? this.text.includes(part) : part.test(this.text))
    await until(`${part} has come`, isThere).catch(error => {
      throw new Error(`${error.message}; what came: ${JSON.stringify(this.text)}`)
    })
    return this.text
  }

  /** What came until the other side had sent FIN or was gone. */
  async receivesAll(): Promise<string> {
    await until('the connection has ended', () => this.ended || this.closed !== 'no')
    return this.text
  }
}
