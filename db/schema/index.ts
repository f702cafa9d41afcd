/** Every table, in the form that Drizzle and its migration generator expect. */

export { auditChain, auditEvents } from './audit.ts'
export { signingKeys } from './keys.ts'
export { mailedTokens, outbox } from './mail.ts'
export { knownDevices, sessions } from './sessions.ts'
export { formerAddresses, registrations, users } from './users.ts'
