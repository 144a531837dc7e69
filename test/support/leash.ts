/**
 * Loaded before a program that must not outlive the one that started it: its standard input is a pipe that nobody writes to, and whose end
 * means that the other side is gone, however it went. The program then ends as by any SIGTERM.
 */
import { isMainThread } from 'node:worker_threads'

if (isMainThread) {
  process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume()
  if ('unref' in process.stdin) process.stdin.unref() // it must not keep a program running either
}
