/** Ours on Node, as the origin sets it up: the signature step is synchronous `node:crypto`. */

import { createNodeSignaturePort } from '../../server/lib/crypto/node-signature.ts'
import { createGatehouseOver } from './gatehouse.ts'

export const createGatehouse = createGatehouseOver(createNodeSignaturePort)

/** The same, remembering as many tokens. */
export const createGatehouseRemembering = createGatehouseOver(createNodeSignaturePort, 1000)
