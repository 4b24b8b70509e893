/**
 * Names that authors choose. They become DNS names, SNI labels and parts of SPIFFE IDs, so they are DNS labels
 * (RFC 1123); dots are allowed, so that names from other platforms' namespaces fit. `--` is not: SNI writes it
 * for a dot.
 */
import { z } from 'zod'

const LABEL = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?'
const LABEL_ONLY = new RegExp(`^${LABEL}$`)
const DOTTED = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)
const HOST = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`)

/** DNS limits one label to 63 bytes, and a name with its dots written `--` has to fit into one. */
const MAX_NAME = 63
const MAX_DOMAIN = 100

/** The one word in lower case that every JavaScript object already has. */
const RESERVED = 'constructor'

const plain = (text: string) => !text.includes('--') && text !== RESERVED
const sniLength = (text: string) => text.replaceAll('.', '--').length

const isName = (text: string) => DOTTED.test(text) && plain(text) && sniLength(text) <= MAX_NAME

const NAME_EXPECTED = 'a DNS label: lower-case letters, digits and single dashes, at most 63 characters'

/** A name of one label. */
export const labelSchema = z
  .string({ error: `expected ${NAME_EXPECTED}` })
  .max(MAX_NAME)
  .refine(text => LABEL_ONLY.test(text) && plain(text), { error: `expected ${NAME_EXPECTED}` })
  .meta({ pattern: LABEL_ONLY.source })

/** Name of a service, workload or route. */
export const nameSchema = z
  .string({ error: `expected ${NAME_EXPECTED}` })
  .max(MAX_NAME)
  .refine(text => isName(text), {
    error: `expected ${NAME_EXPECTED}; dots between labels are allowed`,
  })
  .meta({ pattern: DOTTED.source })

/** A name as a key. Checked apart from what it is the key of, so that mistakes in both are reported. */
export const nameKeySchema = z.string().meta({ pattern: DOTTED.source, maxLength: MAX_NAME })

/** Why a text is no name; undefined when it is one. */
export const nameProblem = (text: string): string | undefined =>
  isName(text) ? undefined : `expected ${NAME_EXPECTED}; dots between labels are allowed`

/** A service (`payments`), a workload of it (`payments/v1`), or a workload of the top level. */
export const targetNameSchema = z
  .string({ error: 'expected the name of a service or workload' })
  .min(1)
  .max(2 * MAX_NAME + 1)

/** A name that another fragment defines. */
export const usedNameSchema = z
  .string({ error: 'expected the name of a service or workload' })
  .max(2 * MAX_NAME + 1)
  .refine(text => text.split('/').length <= 2 && text.split('/').every(isName), {
    error: 'expected the name of a service ("orders") or of a workload ("payments/v2") of another fragment',
  })

/** A DNS name in lower case. */
export const domainSchema = z
  .string()
  .max(MAX_DOMAIN)
  .refine(text => DOTTED.test(text), { error: 'expected a DNS name in lower case, such as "shop.internal"' })
  .meta({ pattern: DOTTED.source })

/** A further name of a service. */
export const hostSchema = z
  .string()
  .max(253)
  .refine(text => DOTTED.test(text), {
    error: 'expected a host in lower case without port, such as "pay.example.com"',
  })
  .meta({ pattern: DOTTED.source })

/** Host of a route: a DNS name or address, or `*.` and a DNS name. */
export const hostPatternSchema = z
  .string()
  .max(253)
  .refine(text => HOST.test(text), {
    error: 'expected a host in lower case without port, such as "pay.example.com" or "*.example.com"',
  })
  .meta({ pattern: HOST.source })

export const portSchema = z.int({ error: 'expected a port number' }).min(1).max(65_535)

export const percentSchema = z.number().min(0).max(100)

/** `payments/v1` of service `payments` and its workload `v1`. */
export const workloadName = (service: string, workload: string): string => `${service}/${workload}`
