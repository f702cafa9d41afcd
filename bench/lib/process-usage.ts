/** CPU time and memory of a process, read from /proc. */

import { readdirSync, readFileSync } from 'node:fs'

/**
 * CPU time of all current threads of a process, in milliseconds.
 *
 * Read from the first field of `schedstat`, in nanoseconds (Linux, Documentation/scheduler/sched-stats.rst). `stat`
 * counts in ticks of ten milliseconds.
 */
export function cpuMsOf(pid: number): number {
  const tasks = `/proc/${pid}/task`
  const nanoseconds = readdirSync(tasks).map(task => {
    const [ran] = readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')
    return Number(ran)
  })
  return nanoseconds.reduce((sum, ran) => sum + ran, 0) / 1e6
}

/** Resident memory of a process, in MiB (proc(5), `VmRSS`). */
export function residentMibOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}
