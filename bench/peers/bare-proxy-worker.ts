/** The least that a Worker before an origin does: it forwards, and checks nothing. */

interface Env {
  readonly ORIGIN_URL: string
}

export default {
  fetch(request: Request, { ORIGIN_URL: origin }: Env): Promise<Response> {
    const { pathname, search } = new URL(request.url)
    return fetch(new Request(origin + pathname + search, request))
  }
}
