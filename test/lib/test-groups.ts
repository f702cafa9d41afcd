/** Which test files share a process, which need the machine to themselves, and which the quick run leaves out. */

/** A name, and how the paths of its files begin. The ones that take longest come first. */
interface Group {
  readonly name: string
  readonly paths: readonly string[]
}

/** Files of one group run in one process, one after the other: it loads and compiles what they test only once. */
const GROUPS: readonly Group[] = [
  { name: 'journeys', paths: ['test/journeys/'] },
  { name: 'server over HTTP', paths: ['test/server/http/', 'test/server/faults/'] },
  { name: 'local', paths: ['test/local/'] },
  { name: 'server jobs and rules', paths: ['features', 'guard', 'jobs', 'lib', 'mail', 'plugins'].map(inServer) },
  { name: 'server', paths: ['test/server/'] },
  { name: 'faults', paths: ['test/faults/'] },
  { name: 'package', paths: ['test/package/', 'test/interop/'] },
  { name: 'edge limiter and verifier', paths: ['test/edge/limiter/', 'test/edge/verifier/'] },
  { name: 'edge', paths: ['test/edge/'] },
  { name: 'parity', paths: ['test/parity/'] },
  { name: 'db', paths: ['test/db/'] },
  { name: 'others', paths: ['test/'] }
]

/** Files that measure time or load run alone: otherwise they would measure their neighbours. */
const ALONE: Group = {
  name: 'alone',
  paths: [
    'test/journeys/edge-quotas.test.ts',
    'test/journeys/revocation-reach.test.ts',
    'test/journeys/two-origins.test.ts',
    'test/local/busy-start.test.ts'
  ]
}

/**
 * Files that start PostgreSQL, workerd, a browser or another program, or take many seconds.
 * `npm run test:quick` omits them. It allows no process, so a file that is missing here fails.
 */
const SLOW: readonly RegExp[] = [
  /^test\/(db|faults|fastify|interop|journeys|lib|package)\//,
  /^test\/edge\/(bundle|examples|readme|settings)\./,
  /^test\/edge\/gateway\/(forwarding|route-confusion|uploads|websocket)\./,
  /^test\/local\/(?!mailbox|redis)/,
  /^test\/parity\/(edge-hop|refresh-rule|token-verification)\./,
  /^test\/server\/(?!config\.)[^/]+$/,
  /^test\/server\/(faults|http)\//,
  /^test\/server\/features\/sessions\/(login-work|refresh-model)\./,
  /^test\/server\/jobs\/re(fresh|vocation)/,
  /^test\/server\/lib\/passwords\/leaked-passwords\./,
  /^test\/server\/mail\/outbox-worker\./,
  /^test\/server\/plugins\/edge-hop\./
]

/** Files that run in one process. */
export interface FileGroup {
  readonly name: string
  readonly files: readonly string[]
}

/** The groups of `files`; those of `alone` run after all others, one at a time. */
export function groupFiles(files: readonly string[]): { together: readonly FileGroup[]; alone: readonly FileGroup[] } {
  const groups = new Map([...GROUPS, ALONE].map(({ name }) => [name, [] as string[]]))
  for (const file of files) groups.get(groupOf(file).name)?.push(file)
  const filled = [...groups]
    .filter(([, members]) => members.length > 0)
    .map(([name, members]) => ({ name, files: members }))
  return {
    together: filled.filter(({ name }) => name !== ALONE.name),
    alone: filled.filter(({ name }) => name === ALONE.name)
  }
}

/** Whether a file runs without any other program. */
export function isQuick(file: string): boolean {
  return !SLOW.some(path => path.test(file))
}

function groupOf(file: string): Group {
  const found = [ALONE, ...GROUPS].find(({ paths }) => paths.some(path => file.startsWith(path)))
  if (found === undefined) throw new Error(`expected a test file below test/, found "${file}"`)
  return found
}

function inServer(folder: string): string {
  return `test/server/${folder}/`
}
