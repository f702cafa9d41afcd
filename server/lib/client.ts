/** The client of a request as rules see it: without the request and its headers. */

/** The client of a request. */
export interface Client {
  /** Canonical. Signed by the edge, or the socket's peer where no edge is required. */
  readonly address: string
  /** At most 512 characters, as sent. */
  readonly userAgent: string
  readonly requestId: string
}
