/** The backend over a real Redis, by RESP2 on one connection. HTTP is left to `../redis-rest.ts`. */
import { createClient, ErrorReply, RESP_TYPES } from '@redis/client'
import type { RedisBackend } from './backend.ts'
import { err, execAborted, integer, RedisError, type Reply, unknownCommand } from './reply.ts'

/** How long a call may take; the server may still run it afterwards. */
const deadlineMs = 2000

/**
 * Commands that change the connection or block it. They are refused as unknown, because all callers share one connection: a
 * SELECT or SUBSCRIBE would affect every caller, and a BLPOP would delay them.
 */
const connectionCommands = new Set(
  `auth client discard exec hello monitor multi psubscribe psync punsubscribe quit readonly readwrite replconf reset select
   ssubscribe subscribe sunsubscribe sync unsubscribe unwatch wait waitaof watch shutdown
   blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax bzpopmin`.split(/\s+/)
)

// Integers arrive as text, which keeps their 64 bits; strings arrive as bytes, which tells them from integers.
const typeMapping = {
  [RESP_TYPES.NUMBER]: String,
  [RESP_TYPES.SIMPLE_STRING]: Buffer,
  [RESP_TYPES.BLOB_STRING]: Buffer
}

/**
 * Opens a backend over the Redis at `url` and waits until it answers.
 *
 * It reconnects by itself after a lost connection. Until then calls are rejected at once and never queued. A call without an
 * answer within 2 s is rejected, too.
 */
export async function openRedisBackend(url: string): Promise<RedisBackend> {
  const client = createClient({
    url,
    RESP: 2,
    disableOfflineQueue: true,
    commandOptions: { typeMapping },
    // The first connection is tried once. Later ones are retried without end, at least every half second.
    socket: {
      connectTimeout: deadlineMs,
      reconnectStrategy: tries => (connected ? Math.min(500, 20 * 2 ** tries) : false)
    }
  })
  let connected = false
  // Calls report the failure themselves; without a listener the event would end the process.
  client.on('error', () => {})
  await client.connect().catch((error: unknown) => {
    throw new Error(`Redis at "${hostOf(url)}" could not be reached: ${reason(error)}. Check that it is running`, {
      cause: error
    })
  })
  connected = true

  const send = async (command: readonly string[]): Promise<Reply> => {
    try {
      return toReply(await client.sendCommand([...command]))
    } catch (error) {
      if (error instanceof ErrorReply) return new RedisError(error.message)
      throw new Error(`Redis could not be asked for ${command[0]?.toUpperCase()}: ${reason(error)}`, { cause: error })
    }
  }

  return {
    execute: async command => refused(command) ?? withDeadline(send(command)),
    multi: async commands => {
      const unknown = commands.map(refused).find(error => error !== undefined)
      return unknown ? execAborted(unknown) : withDeadline(transact(send, commands))
    },
    close: async () => client.destroy()
  }
}

function refused(command: readonly string[]): RedisError | undefined {
  const name = command[0]?.toLowerCase() ?? ''
  if (connectionCommands.has(name)) return unknownCommand(command)
  return (name === 'xread' || name === 'xreadgroup') && blocks(command) ? wouldBlock(name) : undefined
}

/** How many words each option of XREAD and XREADGROUP has, its name included. */
const streamOptions: Readonly<Record<string, number>> = { COUNT: 2, GROUP: 3, NOACK: 1 }

/** Whether XREAD or XREADGROUP waits for entries. After STREAMS come only keys and ids. */
function blocks(command: readonly string[]): boolean {
  for (let at = 1; at < command.length; ) {
    const word = command[at]?.toUpperCase() ?? ''
    if (word === 'BLOCK') return true
    const words = Object.hasOwn(streamOptions, word) ? streamOptions[word] : undefined
    if (words === undefined) return false
    at += words
  }
  return false
}

const wouldBlock = (name: string) =>
  err(`${name.toUpperCase()} with BLOCK would block every other caller of this endpoint: read without BLOCK`)

/**
 * Sends MULTI, the commands and EXEC without a pause in which another caller's command could come between. After a lost
 * connection nothing is sent again, because the client has no offline queue.
 */
async function transact(send: RedisBackend['execute'], commands: readonly (readonly string[])[]) {
  const replies = await Promise.all([['MULTI'], ...commands, ['EXEC']].map(send))
  const results = replies.pop()
  if (Array.isArray(results)) return results as readonly Reply[]
  const first = replies.find(reply => reply instanceof RedisError)
  return execAborted(first instanceof RedisError ? first : new RedisError('ERR EXEC did not return an array'))
}

function toReply(value: unknown): Reply {
  if (typeof value === 'string') return integer(BigInt(value))
  if (Buffer.isBuffer(value)) return value.toString('utf8')
  if (Array.isArray(value)) return value.map(toReply)
  if (value instanceof ErrorReply) return new RedisError(value.message)
  return null
}

async function withDeadline<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${deadlineMs} ms`)), deadlineMs)
  })
  return Promise.race([call, late]).finally(() => clearTimeout(timer))
}

const reason = (error: unknown) => (error instanceof Error && error.message ? error.message : 'no connection')
const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : 'an invalid URL')
