import { appendFile, close, fdatasync, openSync, readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { promisify } from 'node:util';

// The least that a program on Node does that parses with JSON.parse: each body is received, parsed,
// appended to a file, synced and answered, and with each a request goes out that was made before.
// It looks at nothing and keeps nothing. With `shared`, bodies that wait for the disk at the same
// time share one write and one sync.

const [port, logFile, sinkUrl, requestsFile, syncs] = process.argv.slice(2);
const isShared = syncs === 'shared';
const log = openSync(logFile ?? '', 'a');
const requests = requestsFile === undefined ? [] : readRequests(requestsFile);
const agent = new Agent({ keepAlive: true });
const append = promisify(appendFile);
const sync = promisify(fdatasync);

/** Each behind its length, 4 bytes, little endian. */
function readRequests(file: string): Buffer[] {
  const bytes = readFileSync(file);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

function passOn(body: Buffer): void {
  const headers = { 'Content-Type': 'application/x-protobuf', 'Content-Length': body.length };
  request(`${sinkUrl}/v1/traces`, { agent, method: 'POST', headers }, (response) => response.resume()).end(body);
}

interface Waiting {
  readonly body: Buffer;
  readonly resolve: () => void;
}

let waiting: Waiting[] = [];
let isWriting = false;

function appendShared(body: Buffer): Promise<void> {
  return new Promise((resolve) => {
    waiting.push({ body, resolve });
    if (!isWriting) void writeWaiting();
  });
}

async function writeWaiting(): Promise<void> {
  isWriting = true;
  while (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    await append(log, group.length === 1 ? (group[0]?.body ?? '') : Buffer.concat(group.map(({ body }) => body)));
    await sync(log);
    for (const { resolve } of group) resolve();
  }
  isWriting = false;
}

async function appendAlone(body: Buffer): Promise<void> {
  await append(log, body);
  await sync(log);
}

async function take(body: Buffer): Promise<number> {
  const events = JSON.parse(body.toString('utf8')) as unknown[];
  await (isShared ? appendShared(body) : appendAlone(body));
  const next = requests.shift();
  if (next !== undefined) passOn(next);
  return events.length;
}

const server = createServer((incoming, answer) => {
  const pieces: Buffer[] = [];
  incoming
    .on('data', (piece: Buffer) => {
      pieces.push(piece);
    })
    .on('end', () => {
      void take(Buffer.concat(pieces)).then((accepted) => answer.end(JSON.stringify({ accepted })));
    });
});
server.keepAliveTimeout = 75_000;
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => close(log, () => process.exit(0)));
