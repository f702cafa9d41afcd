/** The issuer's metadata for verifiers (RFC 8414, OpenID Connect Discovery 1.0). It claims only existing endpoints. */

import { Type } from '@sinclair/typebox'

/** Where the keys are published, below the issuer. */
export const JWKS_PATH = '/.well-known/jwks.json'

/** The shape of the document. */
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
 * Builds one document for both specifications, which allow each other's members. It names neither an authorization
 * endpoint nor a token endpoint, because we have neither.
 *
 * The two empty lists must stay. RFC 8414 §2 requires the first one, and strict parsers refuse a document without it,
 * although §3.2 would omit it (erratum 7793). Without the second one its default would apply, which claims the
 * authorization code flow and the implicit flow.
 *
 * Verifiers look for the algorithms only in this list. ID tokens would require RS256 in it, but we do not issue any.
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
