/** The issuer's metadata for verifiers (RFC 8414, OpenID Connect Discovery 1.0). It claims nothing that is not there. */

import { Type } from '@sinclair/typebox'

/** Where the keys are published, below the issuer. */
export const JWKS_PATH = '/.well-known/jwks.json'

export const Metadata = Type.Object(
  {
    issuer: Type.String({ format: 'uri' }),
    jwks_uri: Type.String({ format: 'uri' }),
    id_token_signing_alg_values_supported: Type.Array(Type.String()),
    subject_types_supported: Type.Array(Type.String()),
    response_types_supported: Type.Array(Type.String()),
    grant_types_supported: Type.Array(Type.String())
  },
  { examples: [metadataOf('https://auth.example.com')] }
)

/**
 * One document for both specifications, which allow each other's members. There is no authorization endpoint and no
 * token endpoint, so none is named.
 *
 * The two empty lists stay. RFC 8414 §2 requires the first, and readers that parse strictly refuse a document without
 * it, although §3.2 would have it left out (erratum 7793). Without the second one its default would hold, which claims
 * the authorization code and the implicit flow.
 *
 * The list of algorithms is the only member in which verifiers look for them. It would have to hold RS256 for ID tokens,
 * of which we issue none.
 */
export function metadataOf(issuer: string) {
  return {
    issuer,
    jwks_uri: issuer + JWKS_PATH,
    id_token_signing_alg_values_supported: ['ES256'],
    subject_types_supported: ['public'],
    response_types_supported: [],
    grant_types_supported: []
  }
}
