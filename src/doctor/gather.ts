import { readAuthorities } from './authorities.ts';
import { type BridgeQuestion, gatherBridge } from './gather-bridge.ts';
import { gatherBackend } from './gather-backend.ts';
import { gatherDrivers, gatherLocal, ofSession } from './gather-local.ts';
import { gatherOwnNodes } from './gather-own-nodes.ts';
import { gatherRay } from './gather-ray.ts';
import type { AddressSource, Facts, LocalFacts, RayFacts } from './facts.ts';
import { DEFAULT_DOCTOR_LIMITS, type DoctorLimits } from './limits.ts';
import { isLoopback } from '../http/index.ts';
import { withTimeLimit } from '../runtime/index.ts';
import type { World } from './world.ts';

export interface DoctorQuestion {
  /** URL of Ray's dashboard. Default: from Ray's variables, or localhost. */
  readonly rayAddress: URL | undefined;
  /** URL that Ray posts to. Default: the address of the nodes, or the default of `serve`. */
  readonly bridgeAddress: URL | undefined;
  /** Endpoint that replaces OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string | undefined;
  readonly readToken: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  readonly sleep: World['sleep'];
  readonly stop: AbortSignal;
  readonly ownAddresses: readonly string[];
  readonly procFolder?: string;
  readonly limits?: Partial<DoctorLimits>;
}

const DEFAULT_RAY_ADDRESS = 'http://127.0.0.1:8265';
const DEFAULT_BRIDGE_ADDRESS = 'http://127.0.0.1:8080/v1/events';

/** Asks Ray, its nodes, the bridge and the backend, within the limits. Changes nothing: its posts contain no events. */
export async function gatherFacts(question: DoctorQuestion): Promise<Facts> {
  const { env, now, sleep, stop } = question;
  const limits = { ...DEFAULT_DOCTOR_LIMITS, ...question.limits };
  const world: World = {
    env,
    now,
    sleep,
    stop: withTimeLimit(stop, limits.totalMs),
    limits,
    ownAddresses: new Set(['127.0.0.1', '::1', ...question.ownAddresses]),
    procFolder: question.procFolder ?? '/proc',
    ca: undefined,
  };
  const machine = gatherLocal(world);
  const ca = readAuthorities(
    [machine.shell, ...machine.processes.map(({ variables }) => variables)].find((set) => set?.certFile)?.certFile,
  );
  const trusting: World = { ...world, ca };
  const { facts: asked, drivers } = await gatherRay(rayQuestion(question), trusting);
  const ray = asked.nodesMissing ? { ...asked, nodes: await gatherOwnNodes(machine.processes, trusting) } : asked;
  const here = { ...machine, processes: ofSession(machine.processes, ray.session) };
  const found = bridgeAddress(question, here, ray);
  // An address from a log or another process is untrusted and gets no token.
  const isOurs = found.source !== 'agent_log' && found.source !== 'process';
  const bridgeQuestion = { ...found, readToken: isOurs ? question.readToken : undefined };
  const bridge = await gatherBridge(bridgeQuestion, trusting);
  const isKnown = bridge.source !== 'default' || bridge.post.kind === 'answered';
  const backend = await gatherBackend({
    env,
    endpoint: question.endpoint,
    tryDefault: isKnown && isOnThisMachine(bridgeQuestion.address, world),
    timeoutMs: limits.timeoutMs,
    stop: world.stop,
  });
  return { ray, local: { ...here, drivers: gatherDrivers(drivers, world) }, bridge, backend };
}

function rayQuestion({ rayAddress, env }: DoctorQuestion): { url: URL; source: AddressSource } {
  if (rayAddress !== undefined) return { url: rayAddress, source: 'flag' };
  for (const name of ['RAY_API_SERVER_ADDRESS', 'RAY_ADDRESS']) {
    const text = env[name] ?? '';
    // RAY_ADDRESS may also be the address of the GCS, which is not HTTP.
    if (/^https?:/i.test(text) && URL.canParse(text)) return { url: new URL(text), source: 'variable' };
  }
  return { url: new URL(DEFAULT_RAY_ADDRESS), source: 'default' };
}

function bridgeAddress(
  { bridgeAddress: given }: DoctorQuestion,
  here: Omit<LocalFacts, 'drivers'>,
  ray: RayFacts,
): Omit<BridgeQuestion, 'readToken'> {
  if (given !== undefined) return { address: given.href, source: 'flag' };
  if (here.shell.address) return { address: here.shell.address, source: 'variable' };
  const ofProcess = here.processes.find(({ variables }) => variables?.address)?.variables?.address;
  if (ofProcess !== undefined) return { address: ofProcess, source: 'process' };
  const ofLog = ray.nodes.find(({ log }) => log?.address)?.log?.address;
  return ofLog === undefined ? { address: DEFAULT_BRIDGE_ADDRESS, source: 'default' } : { address: ofLog, source: 'agent_log' };
}

function isOnThisMachine(address: string, { ownAddresses }: World): boolean {
  if (!URL.canParse(address)) return false;
  const { hostname } = new URL(address);
  return isLoopback(hostname) || ownAddresses.has(hostname);
}
