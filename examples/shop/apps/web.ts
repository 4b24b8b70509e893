/** The shop's front: `/charges/…` goes to payments, `/orders/…` to orders. */
import { callerOf } from './caller.ts'
import { call, passOn } from './client.ts'
import { notFound, serve, setting } from './server.ts'

const upstreams: Readonly<Record<string, string>> = {
  charges: setting('PAYMENTS_URL'),
  orders: setting('ORDERS_URL'),
}

serve(async ({ method, path, request }) => {
  const upstream = upstreams[path.split('/')[1] ?? '']
  if (upstream === undefined) return notFound()
  return passOn('web', callerOf(request), await call(method, new URL(path, upstream), request))
})
