import { describe, expect, it } from 'vitest'
import { type AppSurroundings, appEnvironment, type Reach, urlOf } from '../../../cli/dev/environment.ts'

const reach = (service: string, port: number, more: Partial<Reach> = {}): Reach => ({
  service,
  dialPort: 80,
  protocol: 'http',
  host: '127.0.0.1',
  port,
  ...more,
})

const environment = (more: Partial<AppSurroundings>) =>
  appEnvironment({
    mesh: 'shop',
    workload: 'web',
    ports: new Map(),
    reaches: [],
    httpProxyUrl: undefined,
    setHttpProxy: false,
    ...more,
  })

describe('appEnvironment', () => {
  it('says who the app is and where it must listen', () => {
    const env = environment({
      ports: new Map([
        [8080, 41234],
        [9090, 41235],
      ]),
    })
    expect(env).toEqual({
      SELVAGE_MESH: 'shop',
      SELVAGE_WORKLOAD: 'web',
      PORT: '41234',
      PORT_8080: '41234',
      PORT_9090: '41235',
    })
  })

  it('gives a URL for every service that it may call', () => {
    const env = environment({ reaches: [reach('payments', 41001), reach('pay.core-api', 41002)] })
    expect(env).toMatchObject({
      PAYMENTS_URL: 'http://127.0.0.1:41001',
      PAY_CORE_API_URL: 'http://127.0.0.1:41002',
    })
  })

  it('tells the ports of a service apart, and lets the first be its URL', () => {
    const env = environment({
      reaches: [
        reach('db', 41001, { protocol: 'tcp', dialPort: 5432 }),
        reach('db', 41002, { dialPort: 8080 }),
      ],
    })
    expect(env).toMatchObject({
      DB_URL: 'tcp://127.0.0.1:41001',
      DB_5432_URL: 'tcp://127.0.0.1:41001',
      DB_8080_URL: 'http://127.0.0.1:41002',
    })
  })

  it('names the HTTP proxy always, and sets HTTP_PROXY only when asked', () => {
    const httpProxyUrl = 'http://127.0.0.1:41003'
    expect(environment({ httpProxyUrl })).toMatchObject({ SELVAGE_HTTP_PROXY: httpProxyUrl })
    expect(environment({ httpProxyUrl }).HTTP_PROXY).toBeUndefined()
    expect(
      environment({ httpProxyUrl, setHttpProxy: true, reaches: [reach('a', 80, { host: '127.83.0.2' })] }),
    ).toMatchObject({
      HTTP_PROXY: httpProxyUrl,
      NO_PROXY: '127.0.0.1,localhost,127.83.0.2',
    })
  })
})

describe('urlOf', () => {
  it.each([
    ['http', 'http://127.0.0.1:41001'],
    ['http2', 'http://127.0.0.1:41001'],
    ['grpc', 'http://127.0.0.1:41001'],
    ['tcp', 'tcp://127.0.0.1:41001'],
  ] as const)('of what speaks %s is %s', (protocol, url) => {
    expect(urlOf(reach('payments', 41001, { protocol }))).toBe(url)
  })
})
