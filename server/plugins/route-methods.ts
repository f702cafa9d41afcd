/** Knows which methods a path answers, for 405 and its `Allow` (RFC 9110 §15.5.6). */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods of the routes that match a request target; empty where there is none. */
    methodsFor(target: string): string[]
  }
}

export const routeMethods = fp(
  async (app: FastifyInstance) => {
    const routes: { readonly segments: readonly string[]; readonly methods: readonly string[] }[] = []
    app.addHook('onRoute', ({ url, method }) => {
      // Swagger's wildcard would make every path below it look like a resource.
      if (!url.includes('*')) routes.push({ segments: url.split('/'), methods: [method].flat() })
    })
    app.decorate('methodsFor', target => {
      const [path = ''] = target.split('?')
      const segments = path.split('/')
      const methods = routes.filter(route => matches(route.segments, segments)).flatMap(route => route.methods)
      return [...new Set(methods)].sort()
    })
  },
  { name: 'route-methods', fastify: '5.x' }
)

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
  )
}
