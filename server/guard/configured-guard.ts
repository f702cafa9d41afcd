/** Creates the login guard from the settings. */

import type { QuotaPolicy } from '../../edge/contract/quota-policy.ts'
import type { Redis } from '../../edge/store/open-redis.ts'
import type { Config } from '../config.ts'
import { createLoginGuard, type LoginGuard, type LoginGuardOptions } from './login-guard.ts'
import type { BlockPolicy, GuardPolicy } from './rule.ts'
import { createTurnstile } from './turnstile.ts'

/** Durations are whole seconds, as in the settings. */
export type GuardSettings = Pick<Config, 'loginLimits' | 'captcha'>

/** While Redis is away, one process allows half of each number of failures, and always holds the newest 10,000 subjects. */
const FALLBACK = { fallbackShare: 0.5, maxFallbackSubjects: 20_000, breakerResetMs: 1_000 }

/** Creates the guard of an origin. One per process. */
export function createConfiguredGuard(
  { loginLimits, captcha }: GuardSettings,
  redis: Redis,
  ports: Pick<LoginGuardOptions, 'subjectSecret' | 'onStoreFailure' | 'nowMs'>
): LoginGuard {
  return createLoginGuard({
    redis,
    policy: guardPolicy(loginLimits),
    captcha: captcha && createTurnstile({ siteKey: captcha.siteKey, secret: captcha.secret, url: captcha.verifyUrl }),
    ...FALLBACK,
    ...ports
  })
}

function guardPolicy(limits: GuardSettings['loginLimits']): GuardPolicy {
  return {
    address: blockPolicy(limits.address, limits.addressBlock),
    account: blockPolicy(limits.account, limits.accountBlock),
    pair: {
      delayAfterFailures: limits.delayAfter,
      firstDelayMs: limits.firstDelay * 1000,
      windowMs: limits.address.windowMs
    },
    captchaAfterFailures: limits.captchaAfter
  }
}

function blockPolicy({ quota, windowMs }: QuotaPolicy, blockSeconds: number): BlockPolicy {
  return { maxFailures: quota, windowMs, blockMs: blockSeconds * 1000 }
}
