/** What a process started with `--inspect=127.0.0.1:0` holds in memory, as the text of a heap snapshot: every string that is alive is in it. */
import { WebSocket } from 'ws'
import { eventually } from './eventually.ts'
import { at, type Json } from './json.ts'

/** `output`: what the process wrote so far. Garbage is collected first. */
export const heapOf = async (output: () => string): Promise<string> => {
  const url = await eventually('the inspector', async () => [...output().matchAll(/Debugger listening on (ws:\S+)/g)].at(-1)?.[1])
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  try {
    const chunks: string[] = []
    await new Promise<void>((resolve, reject) => {
      socket.once('close', () => reject(new Error('the inspector hung up')))
      socket.on('message', (data) => {
        const message = JSON.parse(String(data)) as Json
        if (at(message, 'method') === 'HeapProfiler.addHeapSnapshotChunk') chunks.push(String(at(message, 'params.chunk')))
        if (at(message, 'id') === 1) resolve()
      })
      socket.send(JSON.stringify({ id: 1, method: 'HeapProfiler.takeHeapSnapshot' }))
    })
    return chunks.join('')
  } finally {
    socket.close()
  }
}
