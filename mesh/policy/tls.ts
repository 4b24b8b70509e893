/** Mutual TLS between workloads. `permissive` also accepts plaintext, for migration. */
export type TlsMode = 'strict' | 'permissive' | 'off'
