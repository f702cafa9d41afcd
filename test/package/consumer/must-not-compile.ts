/** Security options that a consumer forgot or misspelt. A line that compiles makes its mark unused, which is an error. */

import { createEdgeWorker, createGateway } from 'gatehouse/gateway'
import { createTokenVerifier, type TokenVerifierOptions, type Verified, type VerifyFailure } from 'gatehouse/verifier'

declare const options: TokenVerifierOptions
declare const result: Verified | VerifyFailure
const { issuer, audience, algorithms, ...others } = options

createTokenVerifier({ ...others, issuer, audience, algorithms })
createTokenVerifier({ ...others, issuer, audience: null, algorithms })
// @ts-expect-error no issuer
createTokenVerifier({ ...others, audience, algorithms })
// @ts-expect-error no audience
createTokenVerifier({ ...others, issuer, algorithms })
// @ts-expect-error an audience that may be missing
createTokenVerifier({ ...others, issuer, audience: undefined, algorithms })
// @ts-expect-error no algorithms
createTokenVerifier({ ...others, issuer, audience })
// @ts-expect-error an unknown algorithm
createTokenVerifier({ ...others, issuer, audience, algorithms: ['none'] })
// @ts-expect-error claims before the check of `ok`
result.claims
// @ts-expect-error a gateway without any option
createGateway({ publicUrl: 'https://api.example.com' })
// @ts-expect-error a route without `token`
createEdgeWorker({ quotas: {}, routes: [{ path: '/*', methods: 'any', quotas: [], onStoreFailure: 'fallback' }] })
createEdgeWorker({
  quotas: {},
  // @ts-expect-error a misspelt requirement
  routes: [{ path: '/*', methods: 'any', token: 'requierd', quotas: [], onStoreFailure: 'fallback' }]
})
