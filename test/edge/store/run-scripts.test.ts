/**
 * Scripts in one round trip: by name, by source where Redis does not know them, and
 * every failure reported without a secret.
 */

import { createHash, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openRedis } from '../../../edge/store/open-redis.ts'
import { replyOf, runScript, runScripts, type Script, type ScriptCall } from '../../../edge/store/run-scripts.ts'
import { redisEndpoint } from '../../lib/test-engines.ts'

const scriptOf = (source: string): Script => ({ source, sha1: createHash('sha1').update(source).digest('hex') })
const call = (source: string, args: readonly (string | number)[] = []): ScriptCall => {
  return { script: scriptOf(source), keys: ['a secret key'], args }
}
/** A script that is new to Redis. */
const fresh = () => `return '${randomUUID()}'`

async function build(t: Test) {
  const rest = await redisEndpoint(t)
  return { redis: openRedis({ ...rest, deadlineMs: 20_000 }), rest }
}

t.test('runScripts() runs all of them in one round trip, and answers in order', async t => {
  const { redis, rest } = await build(t)
  const calls = [call('return KEYS[1]'), call('return tonumber(ARGV[1]) + 1', [41]), call('return {ARGV[1], 7}', ['x'])]
  await runScripts(redis, calls)
  const before = rest.calls()
  t.strictSame(await runScripts(redis, calls), ['a secret key', 42, ['x', 7]])
  t.equal(rest.calls() - before, 1)
})

t.test('runScripts() puts the namespace of the client before each key, and touches no argument', async t => {
  const { rest } = await build(t)
  const one = scriptOf('return {KEYS[1], KEYS[2], ARGV[1]}')
  const keys = ['gatehouse:v1:{tag}:a', 'gatehouse:v1:{tag}:b']
  for (const [namespace, expected] of [
    ['', keys],
    ['staging', keys.map(key => `staging:${key}`)]
  ] as const) {
    const redis = openRedis({ ...rest, deadlineMs: 20_000, namespace })
    t.strictSame(await runScript(redis, { script: one, keys, args: ['x'] }), [...expected, 'x'])
  }
})

t.test('runScripts() sends the source of scripts that Redis does not know, and runs no script twice', async t => {
  const { redis, rest } = await build(t)
  const known = call("return redis.call('INCR', KEYS[1])")
  await runScript(redis, known)
  const [one, two] = [fresh(), fresh()]
  const before = rest.calls()
  const replies = await runScripts(redis, [call(one), known, call(two), call(one), known])
  t.strictSame(replies, [one.slice(8, -1), 2, two.slice(8, -1), one.slice(8, -1), 3])
  t.equal(rest.calls() - before, 2)
})

t.test('a refused script fails by itself, and its error repeats no key and no argument', async t => {
  const { redis } = await build(t)
  const failing = call("return redis.call('NOSUCH', ARGV[1])", ['a secret argument'])
  const unknown = fresh()
  const replies = await runScripts(redis, [call('return 1'), failing, call(unknown)])
  t.strictSame([replies[0], replies[2]], [1, unknown.slice(8, -1)])
  for (const fails of [async () => replyOf(replies[1]), () => runScript(redis, failing)]) {
    const error = (await fails().catch(error => error)) as Error
    t.match(error, { name: 'StoreError', message: /^Redis refused: / })
    t.notMatch(`${error.message} ${error.cause}`, /secret|NOSUCH', ARGV/)
  }
})

t.test('runScripts() accepts only a list with one reply for each script', async t => {
  const bodies = [
    '{"result":1}',
    '[]',
    '[{"result":1}]',
    '[{"result":1},{"result":1},{"result":1}]',
    'null',
    '1',
    'x',
    ''
  ]
  let body = ''
  const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const redis = openRedis({ url: `http://127.0.0.1:${port}`, token: 'a secret token', deadlineMs: 20_000 })
  for (body of bodies) {
    const error = await runScripts(redis, [call('return 1'), call('return 2')]).catch(error => error)
    t.equal(error?.name, 'StoreError', JSON.stringify(body))
    t.notMatch(String(error?.message), 'secret')
  }
  body = '[{"error":"NOSCRIPT No matching script."},{"error":"NOSCRIPT No matching script."}]'
  const forEver = await runScripts(redis, [call('return 1'), call('return 2')])
  t.match(forEver, [{ name: 'StoreError' }, { name: 'StoreError' }])
})

t.test('runScripts() names the kind of a failure', async t => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const redis = openRedis({ url: `http://127.0.0.1:${port}`, token: 'x', deadlineMs: 30 })
  await t.rejects(runScript(redis, call('return 1')), { message: 'Redis did not answer in time' })
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  await t.rejects(runScript(redis, call('return 1')), { message: /^Redis could not be reached \(/ })
})
