import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../runtime/index.ts';
import { readAgentLog, type AgentLog } from './agent-log.ts';
import type { NodeFacts, ProcessFacts } from './facts.ts';
import { askNodeMetrics, countsOf, LOG_NAME } from './gather-nodes.ts';
import { mapBounded, type World } from './world.ts';

/** Maximum size of a port file of Ray, which contains a number. */
const MAX_PORT_FILE_BYTES = 16;

/** Reads the nodes of this machine without the dashboard, from the files of their session and their metrics port. */
export async function gatherOwnNodes(processes: readonly ProcessFacts[], world: World): Promise<readonly NodeFacts[]> {
  const raylets = processes.flatMap(({ kind, isMinimal, node }) => (kind === 'raylet' && !isMinimal && node !== undefined ? [node] : []));
  return await mapBounded(raylets, world.limits.maxConcurrentNodes, async ({ id, ip, isHead, sessionFolder }) => {
    const metricsPort = readPort(join(sessionFolder, `metrics_export_port_${id}`));
    const metrics = await askNodeMetrics({ ip, metricsPort }, world);
    const log = readLog(join(sessionFolder, 'logs', LOG_NAME), world);
    return {
      name: `${ip} (this machine)`,
      ip,
      isHead,
      isHere: true,
      hasAgent: true,
      upMs: undefined,
      counts: countsOf(metrics),
      log: log === 'missing' ? undefined : log,
      isLogMissing: log === 'missing',
      clock: undefined,
    };
  });
}

function readLog(path: string, { limits }: World): AgentLog | 'missing' | undefined {
  try {
    const head = readPart(path, limits.maxLogHeadBytes);
    const tail = readPart(path, limits.maxLogTailBytes, true);
    return readAgentLog(head, tail.split('\n').slice(-limits.logTailLines).join('\n'));
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? 'missing' : undefined;
  }
}

/** Reads the metrics port from the file that Ray 2.50 and later write. */
function readPort(path: string): number | undefined {
  try {
    const port = Number(readPart(path, MAX_PORT_FILE_BYTES).trim());
    return Number.isSafeInteger(port) && port > 0 && port <= 65_535 ? port : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the first or last bytes of a file. The path is untrusted, so this reads only plain files and never blocks. */
function readPart(path: string, maxBytes: number, fromEnd = false): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(descriptor);
    if (!found.isFile()) throw new Error('not a file');
    const buffer = Buffer.alloc(Math.min(maxBytes, found.size));
    const length = readSync(descriptor, buffer, 0, buffer.length, fromEnd ? found.size - buffer.length : 0);
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(descriptor);
  }
}
