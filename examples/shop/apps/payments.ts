/**
 * Payments, in two versions. It can be told to fail (`PUT /knobs/broken`, `DELETE /knobs/broken`), and it keeps
 * receipts: every request that is not a GET is written to a file the moment it arrives, by a synchronous write, so
 * that the line outlives a process that is killed in the next instant.
 */
import { openSync, writeSync } from 'node:fs'
import { callerOf } from './caller.ts'
import { type Call, notFound, type Reply, reply, serve, setting } from './server.ts'

const about = { service: 'payments', version: setting('VERSION'), instance: setting('INSTANCE') }
const receipts = openSync(setting('RECEIPTS'), 'a')

let broken = false
/** Failed answers by caller, since the app was last told to fail. */
let errors: Record<string, number> = {}

function charge({ method, path, request }: Call): Reply {
  if (method !== 'GET') writeSync(receipts, `${method} ${path}\n`)
  const caller = callerOf(request) ?? 'unknown'
  if (!broken) return reply(method === 'POST' ? 201 : 200, { ...about, caller })
  errors[caller] = (errors[caller] ?? 0) + 1
  return reply(500, { ...about, caller, error: 'the card machine is on fire' })
}

function knob(method: string): Reply {
  if (method === 'PUT') errors = {}
  if (method !== 'GET') broken = method === 'PUT'
  return reply(200, { ...about, broken, errors })
}

serve(call => {
  if (/^\/charges\/[^/?]+$/.test(call.path)) return charge(call)
  return call.path === '/knobs/broken' ? knob(call.method) : notFound()
})
