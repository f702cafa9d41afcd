/** Every table, as Drizzle and its migration generator want to see them. */

export { auditChain, auditEvents } from './audit.ts'
export { signingKeys } from './keys.ts'
export { mailedTokens, outbox } from './mail.ts'
export { knownDevices, sessions } from './sessions.ts'
export { formerAddresses, registrations, users } from './users.ts'
