/** What orval generates, and from what. */

export default {
  gatehouse: {
    input: './openapi.json',
    output: { target: './generated/orval/api.ts', client: 'fetch', baseUrl: { getBaseUrlFromSpecification: true } }
  }
}
