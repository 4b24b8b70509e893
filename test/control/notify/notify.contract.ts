/** What every way of telling proxies must do; each implementation's test runs it. */
import { describe, expect, it } from 'vitest'
import type { Notify } from '../../../control/notify/notify.ts'
import type { Hint } from '../../../mesh/protocol.ts'

export interface NotifyCase {
  readonly notify: Notify
  /** Listens as a proxy of the workload would. */
  listen(workload: string, receive: (hint: Hint) => void): () => void
}

const hint: Hint = { config: 'abc', windowMs: 0 }

export function notifyContract(name: string, create: () => NotifyCase): void {
  describe(`notify contract: ${name}`, () => {
    it('tells every proxy of the workload that listens, and nobody else', () => {
      const { notify, listen } = create()
      const heard: string[] = []
      listen('web', () => heard.push('web, first'))
      listen('web', () => heard.push('web, second'))
      listen('orders', () => heard.push('orders'))
      notify.publish('web', hint)
      expect(heard).toEqual(['web, first', 'web, second'])
    })

    it('passes the hint on as it is', () => {
      const { notify, listen } = create()
      const heard: Hint[] = []
      listen('payments/v1', each => heard.push(each))
      notify.publish('payments/v1', hint)
      expect(heard).toEqual([hint])
    })

    it('stops telling who stopped listening, however often that is said', () => {
      const { notify, listen } = create()
      const heard: Hint[] = []
      const stop = listen('web', each => heard.push(each))
      stop()
      stop()
      notify.publish('web', hint)
      expect(heard).toEqual([])
      expect(notify.listeners('web')).toBe(0)
    })

    it('knows that somebody listens', () => {
      const { notify, listen } = create()
      listen('web', () => {})
      expect(notify.listeners('web')).toBeGreaterThan(0)
    })

    it('publishes to nobody without a word', () => {
      expect(() => create().notify.publish('web', hint)).not.toThrow()
    })
  })
}
