/** The verifier of Gatehouse as the edge sets it up, with the signature step of WebCrypto. */

import { createWebCryptoSignaturePort } from '../../edge/verifier/index.ts'
import { createGatehouseOver } from './gatehouse.ts'

/** Verifies each token anew. */
export const createGatehouseWorker = createGatehouseOver(createWebCryptoSignaturePort)

/** Remembers verified tokens. */
export const createGatehouseWorkerRemembering = createGatehouseOver(createWebCryptoSignaturePort, 1000)
