/** The rules of all features over their ports. `app.ts` joins them with the routes. */

import { cpus } from 'node:os'
import type { Config } from './config.ts'
import { type AccountsService, createAccountsService } from './features/accounts/service.ts'
import { type AdminService, createAdminService } from './features/admin/service.ts'
import { createPasswordsService, type PasswordsService } from './features/passwords/service.ts'
import { createSessionsService, type SessionsService } from './features/sessions/service.ts'
import { createVerificationService, type VerificationService } from './features/verification/service.ts'
import { deriveKeys } from './lib/crypto/derived-keys.ts'
import { createRefreshTokens } from './lib/crypto/refresh-token.ts'
import { createDeviceFingerprint } from './lib/devices/device-fingerprint.ts'
import { createDeviceMarks } from './lib/devices/device-mark.ts'
import { createHashQueue } from './lib/passwords/hash-queue.ts'
import { createLeakedPasswords } from './lib/passwords/leaked-passwords.ts'
import { createPasswordHasher } from './lib/passwords/password-hash.ts'
import type { Ports } from './ports.ts'

/** The services of all features. */
export interface Rules {
  readonly sessions: SessionsService
  readonly accounts: AccountsService
  readonly passwords: PasswordsService
  readonly verification: VerificationService
  readonly admin: AdminService
}

/** At cost 12, a core works off fifty hashes in about eight seconds. */
const WAITING_HASHES_PER_CORE = 50

/** Creates the rules over one password hasher, one policy and one set of device marks. */
export function createRules(config: Config, ports: Ports): Rules {
  const keys = deriveKeys(config.rootSecrets)
  const cores = cpus().length
  const queue = createHashQueue({ concurrency: cores, maxWaiting: cores * WAITING_HASHES_PER_CORE })
  const hasher = createPasswordHasher({ keys, cost: config.bcryptCost, queue })
  const passwordPolicy = {
    minLength: config.passwordMinLength,
    classes: config.passwordClasses,
    isLeaked: createLeakedPasswords()
  }
  const { emailVerification, verificationTtl, resetTtl, termsVersion } = config
  const deviceMarks = createDeviceMarks(keys)
  const shared = { ...ports, hasher, deviceMarks, passwordPolicy, emailVerification }

  return {
    admin: createAdminService(ports),
    sessions: createSessionsService({
      ...shared,
      deviceFingerprint: createDeviceFingerprint(keys),
      refreshTokens: createRefreshTokens(keys),
      limits: config
    }),
    accounts: createAccountsService({ ...shared, verificationTtl, termsVersion }),
    passwords: createPasswordsService({ ...shared, resetTtl }),
    verification: createVerificationService({ ...shared, verificationTtl })
  }
}
