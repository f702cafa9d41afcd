/** The verifier of Gatehouse as the origin sets it up, with the synchronous signature step of `node:crypto`. */

import { createNodeSignaturePort } from '../../server/lib/crypto/node-signature.ts'
import { createGatehouseOver } from './gatehouse.ts'

/** Verifies each token anew. */
export const createGatehouse = createGatehouseOver(createNodeSignaturePort)

/** Remembers verified tokens. */
export const createGatehouseRemembering = createGatehouseOver(createNodeSignaturePort, 1000)
