import { describe, expect, it } from 'vitest'
import { readSettings } from '../../control/settings.ts'

describe('readSettings', () => {
  it('needs nothing but the name of the mesh', () => {
    expect(readSettings({ SELVAGE_MESH: 'shop' })).toMatchObject({
      meshName: 'shop',
      host: '127.0.0.1',
      port: 7443,
    })
  })

  it('reads every variable', () => {
    const env = {
      SELVAGE_MESH: 'shop',
      SELVAGE_CONTROL_ADDRESS: '[::1]:0',
      SELVAGE_STATE_DIR: '/var/lib/selvage',
      SELVAGE_TRUST_DOMAIN: 'shop.example',
      SELVAGE_CERTIFICATE_TTL: '1h30m',
      SELVAGE_ADDRESS_RANGE: '127.90.0.0/16',
    }
    expect(readSettings(env)).toEqual({
      meshName: 'shop',
      host: '::1',
      port: 0,
      stateDir: '/var/lib/selvage',
      trustDomain: 'shop.example',
      certificateTtlSeconds: 5400,
      addressRange: '127.90.0.0/16',
    })
  })

  it('reports every bad value at once, each with what was expected', () => {
    const env = {
      SELVAGE_MESH: 'Shop!',
      SELVAGE_CONTROL_ADDRESS: 'localhost',
      SELVAGE_TRUST_DOMAIN: 'a b',
      SELVAGE_CERTIFICATE_TTL: '5s',
      SELVAGE_ADDRESS_RANGE: '10.0.0.0/16',
    }
    for (const name of Object.keys(env)) {
      expect(() => readSettings(env)).toThrow(new RegExp(`${name}: (found|address range:)`))
    }
  })

  it('says that the mesh is missing', () => {
    expect(() => readSettings({})).toThrow('SELVAGE_MESH: it is not set')
  })

  it.each(['localhost', ':80', 'host:', 'host:70000', '::1:80', 'a b:80'])(
    'refuses the address %s',
    address => {
      expect(() => readSettings({ SELVAGE_MESH: 'shop', SELVAGE_CONTROL_ADDRESS: address })).toThrow(
        'expected host:port',
      )
    },
  )
})
