/** Parses an email into plain values and finds its links. Keeping and showing emails is left to `store.ts` and `page.ts`. */

import { randomUUID } from 'node:crypto'
import PostalMime, { type Address } from 'postal-mime'

/** An email as `GET /messages` shows it. */
export interface Message {
  readonly id: string
  /** The first recipient of the envelope; a header may claim another. */
  readonly to: string
  /** The address in the header `From`, or that of the envelope. */
  readonly from: string
  readonly subject: string
  /** Empty if the email has no text part. */
  readonly text: string
  /** As it was sent, so never show it outside a sandbox. Empty if the email has no HTML part. */
  readonly html: string
  /** Every http and https URL: those of `href` attributes in `html`, then those in `text`, each once. */
  readonly links: readonly string[]
}

/** A stored email. */
export interface Mail {
  readonly message: Message
  /** Every recipient of the envelope. */
  readonly recipients: readonly string[]
  /** RFC 3339, UTC. */
  readonly receivedAt: string
}

/** Parses an email. One that cannot be parsed keeps its raw text. */
export async function parseMail(raw: Buffer, envelopeFrom: string, recipients: readonly string[]): Promise<Mail> {
  const parsed = await PostalMime.parse(raw).catch(() => ({
    from: undefined,
    subject: '(unreadable email)',
    text: raw.toString('latin1'),
    html: undefined
  }))
  const { subject = '', text = '', html = '' } = parsed
  const from = firstAddress(parsed.from) || envelopeFrom
  const message = { id: randomUUID(), to: recipients[0] ?? '', from, subject, text, html, links: findLinks(html, text) }
  return { message, recipients, receivedAt: new Date().toISOString() }
}

function firstAddress(from: Address | undefined): string {
  return from?.address ?? from?.group?.[0]?.address ?? ''
}

/** The http and https URLs in an email, each once, those of `href` first. */
export function findLinks(html: string, text: string): string[] {
  const hrefs = html.matchAll(/\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi)
  const fromHtml = [...hrefs].map(([, double, single, bare]) => decodeEntities(double ?? single ?? bare ?? '').trim())
  // A full stop or a bracket after a URL belongs to the sentence around it.
  const fromText = [...text.matchAll(/\bhttps?:\/\/[^\s<>"'`]+/gi)].map(([url]) => url.replace(/[.,;:!?)\]}*_]+$/, ''))
  return [...new Set([...fromHtml, ...fromText])].filter(isWebAddress)
}

/** Whether a click can only open a web page: excludes `javascript:` and `data:`. */
function isWebAddress(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url)
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi, (whole, hex, decimal, name) => {
    if (name) return entities[name.toLowerCase()] ?? whole
    const code = hex ? Number.parseInt(hex, 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
