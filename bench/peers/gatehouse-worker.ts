/** Ours in a Worker, as the edge sets it up: the signature step is WebCrypto. */

import { createWebCryptoSignaturePort } from '../../edge/verifier/index.ts'
import { openGatehouseOver } from './gatehouse.ts'

export const openGatehouseWorker = openGatehouseOver(createWebCryptoSignaturePort)

/** The same, remembering as many tokens. */
export const openGatehouseWorkerRemembering = openGatehouseOver(createWebCryptoSignaturePort, 1000)
