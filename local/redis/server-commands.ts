/** PING to FLUSHALL: commands on the server, not on a key. */
import { type CommandTable, type Run, reads, writes } from './command.ts'
import { arityError, OK, Status, syntaxError } from './reply.ts'

const flush: Run = (keys, [mode, ...rest]) => {
  if (rest.length > 0 || (mode !== undefined && !/^(?:a?sync)$/i.test(mode))) throw syntaxError()
  keys.clear()
  return OK
}

/** The commands on the server. */
export const serverCommands: CommandTable = {
  ping: reads(-1, (_keys, [message, ...rest]) => {
    if (rest.length > 0) throw arityError('ping')
    return message ?? new Status('PONG')
  }),
  echo: reads(2, (_keys, [message = '']) => message),
  time: reads(1, keys => [String(Math.floor(keys.nowMs / 1000)), String((keys.nowMs % 1000) * 1000)]),
  dbsize: reads(1, keys => keys.size),
  flushdb: writes(-1, flush),
  flushall: writes(-1, flush)
}
