/** Ours on Node, as the origin sets it up: the signature step is synchronous `node:crypto`. */

import { createNodeSignaturePort } from '../../server/lib/crypto/node-signature.ts'
import { openGatehouseOver } from './gatehouse.ts'

export const openGatehouse = openGatehouseOver(createNodeSignaturePort)

/** The same, remembering as many tokens. */
export const openGatehouseRemembering = openGatehouseOver(createNodeSignaturePort, 1000)
