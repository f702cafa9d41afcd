/** Reads the prose of the house: comments of a source, paragraphs of a document, each cut into clauses. */

/** The comments of a TypeScript source, one string each; directives and code in them are kept unchanged. */
export function commentsOf(source: string): string[] {
  const found: string[] = []
  let current: string[] = []
  let isInBlock = false
  const end = () => {
    if (current.length > 0) found.push(current.join(' '))
    current = []
  }
  for (const line of source.split('\n').map(raw => raw.trim())) {
    if (isInBlock || line.startsWith('/*')) {
      isInBlock = !line.includes('*/')
      const words = line.replace(/^\/?\*+\/?|\*+\/.*$/g, '').trim()
      if (words === '') end()
      else current.push(words)
      if (!isInBlock) end()
    } else if (line.startsWith('//')) current.push(line.slice(2).trim())
    else end()
  }
  end()
  return found
}

/** The prose of a Markdown document, one string a paragraph or list item; code, tables and headings are left out. */
export function paragraphsOf(document: string): string[] {
  return document
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/^\s*(#|\|).*$/gm, '')
    .replace(/`[^`\n]*`/g, 'code')
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/)
    .map(paragraph => paragraph.replace(/\s+/g, ' ').trim())
    .filter(paragraph => paragraph !== '')
}

/** Cuts prose into clauses: at a full stop, a semicolon and a colon. */
export function clausesOf(prose: string): string[] {
  return prose.split(/(?<=[.;:])\s+/).filter(clause => /\w/.test(clause))
}
