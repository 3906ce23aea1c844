/** Whether this machine has ffmpeg, and films and sounds made with it. */
import { execFileSync, spawnSync } from 'node:child_process'

/** Where it is missing these tests are skipped, except in CI, which installs it. */
export const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0 && spawnSync('ffprobe', ['-version']).status === 0
if (!hasFfmpeg && process.env.CI === 'true') throw new Error('CI must have ffmpeg: see .ci/run')

/** A file of `seconds` seconds: a test picture, a tone, or both, as the output arguments say. */
export const make = (
  path: string,
  { picture, sound, seconds, output }: { picture?: string; sound?: boolean; seconds: number; output: string[] },
) => {
  execFileSync('ffmpeg', [
    ...['-loglevel', 'error', '-y'],
    ...(picture === undefined ? [] : ['-f', 'lavfi', '-i', `testsrc=size=${picture}:rate=10:duration=${seconds}`]),
    ...(sound ? ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=44100:duration=${seconds}`] : []),
    ...output,
    path,
  ])
  return path
}

export interface Stream {
  codec_type: string
  codec_name: string
  pix_fmt?: string
  width?: number
  height?: number
  channels?: number
}

export const streamsOf = (path: string): Stream[] => {
  const json = execFileSync('ffprobe', ['-loglevel', 'error', '-show_streams', '-of', 'json', path])
  return (JSON.parse(json.toString()) as { streams: Stream[] }).streams
}
