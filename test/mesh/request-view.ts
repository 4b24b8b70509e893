import type { RequestView } from '../../mesh/match.ts'

type Fields = Partial<Omit<RequestView, 'header'>> & { readonly headers?: Readonly<Record<string, string>> }

/** A plain GET from nobody, with what a test cares about. */
export const requestView = ({ headers = {}, ...over }: Fields = {}): RequestView => ({
  method: 'GET',
  host: 'payments.shop.internal',
  path: '/',
  query: '',
  scheme: 'http',
  port: 80,
  source: undefined,
  header: name => headers[name],
  ...over,
})
