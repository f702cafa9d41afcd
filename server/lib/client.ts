/** Who is asking, as far as a rule may know it: no request, no headers. */

export interface Client {
  /** Canonical; signed by the edge, or the socket's peer where no edge is required. */
  readonly address: string
  /** At most 512 characters, as sent. */
  readonly userAgent: string
  readonly requestId: string
}
