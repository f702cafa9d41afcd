/**
 * The steps around `npm pack`: `build` compiles into `dist/` and replaces package.json with the one for consumers, `restore`
 * puts the original back.
 *
 * The original lists the dependencies of the origin, which runs from a checkout. A consumer needs none of them: the package
 * bundles the two small libraries that its files import, with their licences. Fastify is a peer dependency.
 */

import { execFile } from 'node:child_process'
import { copyFile, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildSync } from 'esbuild'

interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly [member: string]: unknown
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MANIFEST = join(ROOT, 'package.json')
const OURS = join(ROOT, 'package.json.ours')
const DIST = join(ROOT, 'dist')
/** The members of package.json that a consumer gets unchanged. */
const KEPT = ['name', 'version', 'description', 'license', 'private', 'type', 'files']

/** A library that compiled files import and that the package includes. */
interface Vendored {
  readonly specifier: string
  readonly packageName: string
  /** CommonJS stays CommonJS, because an ES module bundle could not `require` modules of Node. */
  readonly format: 'esm' | 'cjs'
  /** The declarations that those of the package refer to, if any. */
  readonly types?: string
}

const VENDORED: readonly Vendored[] = [
  {
    specifier: '@upstash/redis/cloudflare',
    packageName: '@upstash/redis',
    format: 'esm',
    types: 'cloudflare.d.ts'
  },
  { specifier: 'fastify-plugin', packageName: 'fastify-plugin', format: 'cjs' }
]

/** Compiles the package and swaps the manifests as the last step, so that an earlier failure changes nothing. */
async function buildPackage(): Promise<void> {
  const ours = await readFile(MANIFEST, 'utf8')
  if (await readFile(OURS, 'utf8').catch(() => undefined))
    throw new Error('Cannot pack: an earlier "npm pack" was interrupted. Move package.json.ours to package.json first')
  await rm(DIST, { recursive: true, force: true })
  await promisify(execFile)(join(ROOT, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: ROOT })
  for (const library of VENDORED) await vendor(library)
  for (const path of await filesBelow(DIST)) await rewriteImports(path)

  await writeFile(OURS, ours)
  await writeFile(MANIFEST, `${JSON.stringify(consumersManifest(JSON.parse(ours)), null, 2)}\n`)
}

/** The manifest for consumers: its exports lead to compiled files instead of sources. */
function consumersManifest(ours: Manifest): object {
  const compiled = Object.entries(ours.exports).map(([name, source]) => {
    const base = source.replace('./', './dist/').replace(/\.ts$/, '')
    return [name, { types: `${base}.d.ts`, default: `${base}.js` }]
  })
  return {
    ...Object.fromEntries(KEPT.map(member => [member, ours[member]])),
    exports: Object.fromEntries(compiled),
    sideEffects: false,
    // npm reads what it runs after packing from here.
    scripts: { postpack: ours.scripts.postpack },
    // Tested with 5.0.0 and with the version in package.json.
    peerDependencies: { fastify: '>=5 <6' },
    peerDependenciesMeta: { fastify: { optional: true } }
  }
}

/** The path of a bundled library; its declarations and its licence are in the same folder. */
function vendoredPath({ specifier, format }: Vendored): string {
  const dir = specifier.replace('@', '').replaceAll('/', '-')
  return join(DIST, 'vendor', dir, format === 'esm' ? 'index.js' : 'index.cjs')
}

async function vendor(library: Vendored): Promise<void> {
  const from = join(ROOT, 'node_modules', library.packageName)
  const outfile = vendoredPath(library)
  const to = dirname(outfile)
  buildSync({
    entryPoints: [library.specifier],
    absWorkingDir: ROOT,
    outfile,
    bundle: true,
    format: library.format,
    target: 'es2024',
    external: ['node:*'],
    logLevel: 'error'
  })
  await copyFile(join(from, 'LICENSE'), join(to, 'LICENSE'))
  if (library.types === undefined) return
  const declarations = await readFile(join(from, library.types), 'utf8')
  await writeFile(join(to, 'index.d.ts'), declarations)
  for (const [, name] of declarations.matchAll(/ from '\.\/([^']+)\.js'/g))
    await copyFile(join(from, `${name}.d.ts`), join(to, `${name}.d.ts`))
}

async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

/** Points imports to the bundled libraries, and those of declarations to `.js`, which every TypeScript understands. */
async function rewriteImports(path: string): Promise<void> {
  if (!/\.(js|d\.ts)$/.test(path) || path.startsWith(join(DIST, 'vendor'))) return
  let text = (await readFile(path, 'utf8')).replaceAll(/( from '\.[^']*)\.ts'/g, "$1.js'")
  for (const library of VENDORED) {
    const here = relative(dirname(path), vendoredPath(library))
    text = text.replaceAll(` from '${library.specifier}'`, ` from '${here}'`)
  }
  await writeFile(path, text)
}

if (process.argv[2] === 'build') await buildPackage()
else if (process.argv[2] === 'restore') await rename(OURS, MANIFEST)
else throw new Error(`Cannot pack: "${process.argv[2]}" is neither "build" nor "restore"`)
