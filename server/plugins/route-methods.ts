/** The methods that a path answers, for 405 and its `Allow` (RFC 9110 §15.5.6). */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    /** The methods of the routes that match a request target; empty where no route matches. */
    methodsFor(target: string): string[]
  }
}

/** Adds `app.methodsFor`, over the routes that are registered after it. */
export const routeMethods = fp(
  async (app: FastifyInstance) => {
    const routes: { readonly segments: readonly string[]; readonly methods: readonly string[] }[] = []
    app.addHook('onRoute', ({ url, method }) => {
      // Swagger's wildcard would make every path below it look like a resource.
      if (!url.includes('*')) routes.push({ segments: url.split('/'), methods: [method].flat() })
    })
    app.decorate('methodsFor', target => {
      const segments = routedPath(target).split('/')
      const methods = routes.filter(route => matches(route.segments, segments)).flatMap(route => route.methods)
      return [...new Set(methods)].sort()
    })
  },
  { name: 'route-methods', fastify: '5.x' }
)

/** The path of a target as the router reads it: without origin, query and fragment, and with needless escapes decoded. */
function routedPath(target: string): string {
  const [path = ''] = target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/)
  // An escaped "%" stays escaped, so nothing is decoded twice. The router has refused undecodable targets.
  return decodeURI(path.replaceAll('%25', '%2525'))
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
  )
}
