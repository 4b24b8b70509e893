/** Orders are paid for: what happens to `/orders/<id>` happens to `/charges/<id>` of payments. */
import { callerOf } from './caller.ts'
import { call, passOn } from './client.ts'
import { notFound, serve, setting } from './server.ts'

const payments = setting('PAYMENTS_URL')

serve(async ({ method, path, request }) => {
  const id = /^\/orders\/([^/?]+)$/.exec(path)?.[1]
  if (id === undefined) return notFound()
  return passOn('orders', callerOf(request), await call(method, new URL(`/charges/${id}`, payments), request))
})
