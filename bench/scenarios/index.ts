/** All scenarios, in the order in which they run. */

import type { Scenario } from '../lib/scenario.ts'
import { edgeLatency } from './edge-latency.ts'
import { edgePaths } from './edge-paths.ts'
import { edgeThroughput } from './edge-throughput.ts'
import { login } from './login.ts'
import { loginStorm } from './login-storm.ts'
import { memory } from './memory.ts'
import { quota } from './quota.ts'
import { refresh } from './refresh.ts'
import { revocationReach } from './revocation-reach.ts'
import { start } from './start.ts'
import { users } from './users.ts'
import { verifyNode } from './verify-node.ts'
import { verifyRemembered } from './verify-remembered.ts'
import { verifyToken } from './verify-token.ts'
import { verifyWorkerd } from './verify-workerd.ts'

/** Every scenario. */
export const SCENARIOS: readonly Scenario[] = [
  verifyNode,
  verifyWorkerd,
  verifyRemembered,
  verifyToken,
  login,
  loginStorm,
  refresh,
  start,
  edgeLatency,
  edgeThroughput,
  edgePaths,
  quota,
  revocationReach,
  users,
  memory
]
