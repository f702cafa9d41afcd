/** A process with one of the peer servers of the `verify-token` scenario. */

import type { TokenMaterial } from '../lib/tokens.ts'
import { openBareServer } from '../peers/bare-server.ts'
import { openExpressApp } from '../peers/express-app.ts'
import { answerParent } from './answer-parent.ts'

/** Which server listens, and for which tokens. */
export interface PeerQuestion {
  readonly peer: 'express' | 'bare'
  readonly material: TokenMaterial
  readonly path: string
}

/** Answers with the URL that it listens on. */
answerParent<PeerQuestion>(({ peer, material, path }) =>
  peer === 'express' ? openExpressApp(material, path) : openBareServer(material)
)
