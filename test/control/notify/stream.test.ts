import { expect, it } from 'vitest'
import { streamNotify } from '../../../control/notify/stream.ts'
import { notifyContract } from './notify.contract.ts'

notifyContract('stream', () => {
  const notify = streamNotify()
  return { notify, listen: notify.subscribe }
})

it('counts the listeners of all workloads', () => {
  const notify = streamNotify()
  const stop = notify.subscribe('web', () => {})
  notify.subscribe('orders', () => {})
  expect(notify.size).toBe(2)
  stop()
  stop()
  expect(notify.size).toBe(1)
})
