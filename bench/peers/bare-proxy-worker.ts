/** The minimal Worker in front of an origin: it forwards requests and checks nothing. */

interface Env {
  readonly ORIGIN_URL: string
}

export default {
  fetch(request: Request, { ORIGIN_URL: origin }: Env): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    return fetch(new Request(origin + pathname + search, request))
  }
}
