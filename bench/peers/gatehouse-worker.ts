/** Ours in a Worker, as the edge sets it up: the signature step is WebCrypto. */

import { createWebCryptoSignaturePort } from '../../edge/verifier/index.ts'
import { createGatehouseOver } from './gatehouse.ts'

export const createGatehouseWorker = createGatehouseOver(createWebCryptoSignaturePort)

/** The same, remembering as many tokens. */
export const createGatehouseWorkerRemembering = createGatehouseOver(createWebCryptoSignaturePort, 1000)
