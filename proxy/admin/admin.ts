/**
 * Admin endpoints, on 127.0.0.1: what this proxy knows and does. Only POST changes anything. A browser on the same
 * machine is not trusted: the Host header must name this machine (DNS rebinding), and no page may be asking.
 */
import type { IncomingMessage } from 'node:http'
import type { Listening } from '../listener/listen.ts'
import type { HostPort } from '../settings.ts'
import type { CheckReport } from './check.ts'
import { HEALTH_PAGES, type Readiness } from './health.ts'
import { json, type Reply, serveHttp, text } from './http-server.ts'

/** What there is to see and do. Nothing here holds a private key. */
export interface AdminSubject {
  readiness(): Readiness
  /** Prometheus' text format. */
  metrics(): string
  /** One line for each number. */
  stats(): string
  snapshot(): unknown
  clusters(): unknown
  certificates(): unknown
  listeners(): unknown
  check(): Promise<CheckReport>
  drain(): void
}

type Page = (subject: AdminSubject) => Reply | Promise<Reply>

const health = (path: string): Page => {
  const page = HEALTH_PAGES[path]!
  return subject => page(subject.readiness())
}

const GET_PAGES: Readonly<Record<string, Page>> = {
  '/': () => text(200, `${[...Object.keys(GET_PAGES).slice(1), 'POST /drain'].join('\n')}\n`),
  '/live': health('/live'),
  '/ready': health('/ready'),
  '/metrics': subject => ({
    ...text(200, subject.metrics()),
    headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
  }),
  '/stats': subject => text(200, subject.stats()),
  '/snapshot': subject => known(subject.snapshot()),
  '/clusters': subject => json(subject.clusters()),
  '/certs': subject => known(subject.certificates()),
  '/listeners': subject => json(subject.listeners()),
  '/check': async subject => json(await subject.check()),
}

const POST_PAGES: Readonly<Record<string, Page>> = {
  '/drain': subject => {
    subject.drain()
    return text(202, 'draining\n')
  },
}

const known = (value: unknown): Reply => (value === undefined ? text(404, 'not there yet\n') : json(value))

export const serveAdmin = ({ host, port }: HostPort, subject: AdminSubject): Promise<Listening> =>
  serveHttp({ name: 'admin', host, port, answer: (request, path) => answer(request, path, subject) })

function answer(request: IncomingMessage, path: string, subject: AdminSubject): Reply | Promise<Reply> {
  if (!namesThisMachine(request.headers.host)) {
    return text(403, 'the Host header must be localhost or a loopback address\n')
  }
  if (request.headers.origin !== undefined) return text(403, 'web pages are not served\n')
  const get = GET_PAGES[path]
  const post = POST_PAGES[path]
  if (get === undefined && post === undefined) return text(404, 'not found; / lists what there is\n')
  const page =
    request.method === 'POST' ? post : request.method === 'GET' || request.method === 'HEAD' ? get : undefined
  if (page !== undefined) return page(subject)
  const allow = get === undefined ? 'POST' : 'GET, HEAD'
  return text(405, `${allow} only\n`, { allow })
}

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i

const namesThisMachine = (host: string | undefined): boolean => host !== undefined && LOOPBACK_HOST.test(host)
