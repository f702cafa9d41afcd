/** The rules of the house that a script can check: the table of imports, and the reasons of long files and functions. */

import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { missingReasons } from './lib/long-code.ts'
import { readSource, sourcePaths } from './lib/source-files.ts'

/** `folder` may import files below these folders, and packages that match. The longest folder that fits a file holds. */
const TABLE: readonly { readonly folder: string; readonly files: readonly string[]; readonly packages: RegExp }[] = [
  { folder: 'edge/contract', files: ['edge/contract'], packages: /^$/ },
  { folder: 'edge/verifier', files: ['edge/verifier', 'edge/contract'], packages: /^$/ },
  { folder: 'edge/store', files: ['edge/store', 'edge/contract'], packages: /^@upstash\/redis\/cloudflare$/ },
  { folder: 'edge/limiter', files: ['edge/limiter', 'edge/store', 'edge/contract'], packages: /^$/ },
  { folder: 'edge/revocation', files: ['edge/revocation', 'edge/store', 'edge/contract'], packages: /^$/ },
  {
    folder: 'edge/admission',
    files: ['edge/admission', 'edge/limiter', 'edge/revocation', 'edge/store', 'edge/contract'],
    packages: /^$/
  },
  {
    folder: 'edge/gateway',
    files: [
      'edge/gateway',
      'edge/admission',
      'edge/limiter',
      'edge/revocation',
      'edge/verifier',
      'edge/store',
      'edge/contract'
    ],
    packages: /^$/
  },
  { folder: 'edge', files: ['edge'], packages: /^$/ },
  { folder: 'db', files: ['db', 'edge/contract/after-deadline.ts'], packages: /^(node:|drizzle-orm|postgres$)/ },
  {
    folder: 'server',
    files: [
      'server',
      'db',
      'edge/contract',
      'edge/verifier',
      'edge/limiter',
      'edge/revocation',
      'edge/store',
      'edge/admission'
    ],
    packages: /^(?!wrangler|workerd|esbuild|tap$|autocannon|smtp-server|wasmoon|@redis\/)/
  },
  {
    folder: 'server/features',
    files: [
      'server/lib',
      'server/audit',
      'server/guard',
      'db/queries',
      'db/client.ts',
      'edge/contract',
      'edge/verifier',
      'edge/revocation'
    ],
    packages: /^(node:|fastify$|@fastify\/type-provider-typebox$|@sinclair\/typebox$)/
  },
  {
    folder: 'server/lib',
    files: ['server/lib', 'edge/contract', 'edge/verifier'],
    packages: /^(node:|bcrypt$|bowser$|@sinclair\/typebox$)/
  },
  {
    folder: 'fastify',
    files: ['fastify', 'edge/contract', 'edge/verifier', 'server/lib/crypto/node-signature.ts'],
    packages: /^(fastify|fastify-plugin)$/
  },
  { folder: 'local', files: ['local', 'server', 'db', 'edge'], packages: /./ },
  { folder: 'bench', files: ['bench', 'local', 'server', 'db', 'edge', 'test'], packages: /./ },
  { folder: 'test', files: ['test', 'bench', 'local', 'fastify', 'server', 'db', 'edge'], packages: /./ }
]

interface Import {
  readonly from: string
  /** A file of ours as a path from the root, or the name of a package. */
  readonly to: string
  readonly isFile: boolean
}

t.test('every import is one that the table allows', async t => {
  const imports = await allImports()
  t.ok(imports.length > 100, 'the test reads the real tree')
  const forbidden = imports.filter(one => !isAllowed(one)).map(one => `${one.from} imports ${one.to}`)
  t.strictSame(forbidden, [])
})

t.test('no feature imports another feature', async t => {
  const featureOf = (path: string) => /^server\/features\/([^/]+)\//.exec(path)?.[1]
  const crossing = (await allImports()).filter(({ from, to, isFile }) => {
    const [here, there] = [featureOf(from), isFile ? featureOf(to) : undefined]
    return here !== undefined && there !== undefined && here !== there
  })
  t.strictSame(crossing, [])
})

t.test('the table refuses what it should refuse', async t => {
  const refused: readonly [string, string, boolean][] = [
    ['edge/contract/claims.ts', 'edge/verifier/verify-token.ts', true],
    ['edge/verifier/verify-token.ts', '@upstash/redis/cloudflare', false],
    ['edge/gateway/gateway.ts', 'node:crypto', false],
    ['edge/gateway/gateway.ts', 'server/app.ts', true],
    ['server/app.ts', 'edge/gateway/gateway.ts', true],
    ['server/app.ts', 'local/stack.ts', true],
    ['db/client.ts', 'server/config.ts', true],
    ['fastify/index.ts', 'server/app.ts', true],
    ['server/app.ts', 'fastify/index.ts', true],
    ['server/features/keys/service.ts', 'server/plugins/problems.ts', true]
  ]
  for (const [from, to, isFile] of refused) t.notOk(isAllowed({ from, to, isFile }), `${from} must not import ${to}`)
})

t.test('only the entry points read process.env', async t => {
  const readers: string[] = []
  for (const path of await sourcePaths(['edge', 'server', 'fastify', 'db'])) {
    if ((await readSource(path)).includes('process.env.')) readers.push(path)
  }
  t.strictSame(readers, ['server/main.ts'])
})

t.test('each long file and function gives its reason, and no reason outlives it', async t => {
  const faults: string[] = []
  for (const path of await sourcePaths()) faults.push(...missingReasons(path, await readSource(path)))
  t.strictSame(faults, [])
})

t.test('a reason is asked for each long function and file, and refused where nothing is long', async t => {
  // Put together, so that this file does not seem to give them.
  const [longFunction, longFile] = [40, 200].map(lines => `Over ${lines} lines:`)
  const long = `const a = () => {\n${'  next()\n'.repeat(40)}}\n`
  t.strictSame(missingReasons('a.ts', long), ['a.ts:1: a function of 42 lines and no reason'])
  t.strictSame(missingReasons('a.ts', `// ${longFunction} one table.\n${long}`), [])
  t.strictSame(missingReasons('a.ts', `// ${longFunction} one table.\nconst a = () => 1\n`), [
    'a.ts:1: a reason without a long function below it'
  ])
  t.strictSame(missingReasons('a.ts', 'next()\n'.repeat(201)), ['a.ts: 201 lines and no reason'])
  t.strictSame(missingReasons('a.ts', `/** ${longFile} once. */\n`), [
    'a.ts: 1 lines and a reason that holds no longer'
  ])
})

function isAllowed({ from, to, isFile }: Import): boolean {
  const row = TABLE.filter(({ folder }) => from.startsWith(`${folder}/`)).sort(
    (a, b) => b.folder.length - a.folder.length
  )[0]
  if (row === undefined) return false
  if (!isFile) return row.packages.test(to)
  const ownFeature = /^server\/features\/[^/]+\//.exec(from)?.[0]
  if (ownFeature !== undefined && to.startsWith(ownFeature)) return true
  return row.files.some(path => to === path || to.startsWith(`${path}/`))
}

async function allImports(): Promise<Import[]> {
  const paths = await sourcePaths()
  const lists = await Promise.all(
    paths.map(async from => {
      const text = await readSource(from)
      const specifiers = [
        ...text.matchAll(/^(?:import|export)\b[^'"]*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\('([^']+)'\)/gm)
      ]
      return specifiers.map(match => resolveImport(from, match[1] ?? match[2] ?? match[3] ?? ''))
    })
  )
  return lists.flat()
}

function resolveImport(from: string, specifier: string): Import {
  const isFile = specifier.startsWith('.')
  return { from, isFile, to: isFile ? normalize(join(dirname(from), specifier)) : specifier }
}
