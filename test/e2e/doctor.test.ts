import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Diagnosis, diagnose, gatherFacts } from '../../src/doctor/index.ts';
import { type ServingBridge, startBridge } from './support/bridge.ts';
import { type Collector, startCollector } from './support/collector.ts';
import { bridgeCommand, needing } from './support/parts.ts';
import { eventually, freePorts, RunningProgram } from './support/processes.ts';
import { RayCluster } from './support/ray-cluster.ts';

// A real Ray with a fault of its set-up; what `doctor` says of it on a node, where it sees the processes, and from elsewhere, where it
// knows only what the dashboard, the agents and the bridge report.

const ADDRESS = 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR';
const TOKEN = 'e2e-0123456789abcdef';
const releases: [version: string, hasRayEvent: boolean][] = [
  ['2.60.0', true],
  ['2.49.2', false],
];

interface Looked {
  readonly codes: readonly string[];
  readonly diagnosis: Diagnosis;
}

describe.each(releases)('doctor on Ray %s', (version, hasRayEvent) => {
  const { title, skip } = needing('names the fault', ['build', 'collector', `ray-${version}`]);
  describe.skipIf(skip)(title, () => {
    let folder = '';
    let collector: Collector;
    let bridge: ServingBridge;
    let env: Record<string, string> = {};

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'ray-otel-bridge-doctor-'));
      mkdirSync(join(folder, 'empty'));
      collector = await startCollector(folder);
      env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.httpEndpoint };
      writeFileSync(join(folder, 'tokens'), TOKEN);
      bridge = await startBridge(['--ingest-token-file', join(folder, 'tokens'), '--data-dir', join(folder, 'data')], env);
    });

    afterAll(async () => {
      await bridge?.program.destroy();
      await collector?.program.destroy();
      rmSync(folder, { recursive: true, force: true });
    });

    /** The variables as `serve` prints them, with the token in its place. */
    const variables = (): Record<string, string> => ({
      ...bridge.rayVariables,
      [ADDRESS]: (bridge.rayVariables[ADDRESS] ?? '').replace('TOKEN', TOKEN),
    });

    const onNode = async (cluster: RayCluster, address: string): Promise<Looked & { exitCode: number | null; output: string }> => {
      const args = [bridgeCommand, 'doctor', '--ray-address', cluster.dashboard, '--bridge', address];
      const program = new RunningProgram(process.execPath, [...args, '--json'], { env });
      const exitCode = await program.exit(70_000);
      const diagnosis = JSON.parse(program.output) as Diagnosis;
      return { exitCode, output: program.output, diagnosis, codes: diagnosis.findings.map(({ code }) => code) };
    };

    const fromElsewhere = async (cluster: RayCluster, address: string): Promise<Looked> => {
      const facts = await gatherFacts({
        rayAddress: new URL(cluster.dashboard),
        bridgeAddress: new URL(address),
        endpoint: undefined,
        readToken: undefined,
        env,
        now: Date.now,
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        stop: new AbortController().signal,
        ownAddresses: [],
        procFolder: join(folder, 'empty'),
      });
      const diagnosis = diagnose(facts);
      return { diagnosis, codes: diagnosis.findings.map(({ code }) => code) };
    };

    const withCluster = async (vars: Record<string, string>, look: (cluster: RayCluster) => Promise<void>): Promise<void> => {
      const cluster = await RayCluster.start(version, vars);
      try {
        await eventually('the dashboard to list its node', 60_000, async () => {
          const answer = (await (await fetch(`${cluster.dashboard}/nodes?view=summary`)).json()) as { data: { summary: unknown[] } };
          expect(answer.data.summary).toHaveLength(1);
        });
        await look(cluster);
      } finally {
        await cluster.stop();
      }
    };

    it('nothing is set', async () => {
      const address = variables()[ADDRESS] ?? '';
      await withCluster({}, async (cluster) => {
        const here = await onNode(cluster, address);
        const expected = ['address_missing', ...(hasRayEvent ? ['ray_event_flag_missing'] : []), 'task_flag_missing'];
        expect(here.codes).toEqual(expect.arrayContaining(expected));
        expect(here.exitCode).toBe(1);
        await eventually('the log of the agent', 60_000, async () => {
          expect((await fromElsewhere(cluster, address)).codes).toContain('address_missing');
        });
      });
    });

    it('the address is set, and the flags are not', async () => {
      const all = variables();
      const address = all[ADDRESS] ?? '';
      const withoutFlags = Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith('RAY_enable_')));
      await withCluster(withoutFlags, async (cluster) => {
        await cluster.submitJob(['short_job.py']);
        const expected = [...(hasRayEvent ? ['ray_event_flag_missing'] : []), 'task_flag_missing'];
        const here = await onNode(cluster, address);
        expect(here.codes).toEqual(expect.arrayContaining(expected));
        expect(here.codes).not.toContain('address_missing');
        await eventually('the counters of the agent', 60_000, async () => {
          const { codes } = await fromElsewhere(cluster, address);
          expect(codes).toEqual(expect.arrayContaining(expected));
          expect(codes).not.toContain('address_missing');
        });
      });
    });

    it('the address is wrong', async () => {
      const [closed] = await freePorts(1);
      const address = `http://127.0.0.1:${closed}/v1/events`;
      await withCluster({ ...variables(), [ADDRESS]: address }, async (cluster) => {
        await cluster.submitJob(['short_job.py']);
        // 2.49 logs a failure after five tries, half a minute.
        await eventually('a failed post in the log of the agent', 120_000, async () => {
          expect((await fromElsewhere(cluster, address)).codes).toContain('agent_cannot_connect');
        });
        const here = await onNode(cluster, address);
        expect(here.codes).toEqual(expect.arrayContaining(['agent_cannot_connect', 'bridge_unreachable']));
        expect(here.codes).not.toContain('address_missing');
        expect(here.codes).not.toContain('task_flag_missing');
      });
    });

    it('the token is missing', async () => {
      const address = (variables()[ADDRESS] ?? '').replace(/\/\/.*@/, '//');
      await withCluster({ ...variables(), [ADDRESS]: address }, async (cluster) => {
        await cluster.submitJob(['short_job.py']);
        await eventually('a refused post in the log of the agent', 60_000, async () => {
          expect((await fromElsewhere(cluster, address)).codes).toContain('agent_token_refused');
        });
        const here = await onNode(cluster, address);
        expect(here.codes).toEqual(expect.arrayContaining(['agent_token_refused', 'bridge_token_missing', 'senders_refused']));
      });
    });

    it('the head has no dashboard, and the token is missing', async () => {
      const address = (variables()[ADDRESS] ?? '').replace(/\/\/.*@/, '//');
      const cluster = await RayCluster.start(version, { ...variables(), [ADDRESS]: address }, ['--include-dashboard=false']);
      try {
        await cluster.runDriver('short_job.py', {});
        await eventually('a refused post in the log of the agent', 90_000, async () => {
          const { codes } = await onNode(cluster, address);
          expect(codes).toEqual(expect.arrayContaining(['ray_dashboard_off', 'agent_token_refused', 'bridge_token_missing']));
          expect(codes).not.toContain('ray_unreachable');
        });
      } finally {
        await cluster.stop();
      }
    });

    it('all is well', async () => {
      const address = variables()[ADDRESS] ?? '';
      await withCluster(variables(), async (cluster) => {
        await cluster.submitJob(['short_job.py']);
        await eventually('all well', 60_000, async () => {
          const here = await onNode(cluster, address);
          // Of the refusals before.
          expect(here.codes.filter((code) => code !== 'senders_were_refused')).toEqual([]);
          expect(here.exitCode).toBe(0);
          expect(here.diagnosis.unknown).toEqual([]);
          expect(here.output).not.toContain(TOKEN);
        });
        const there = await fromElsewhere(cluster, address);
        expect(there.codes.filter((code) => code !== 'senders_were_refused')).toEqual([]);
      });
    });
  });
});
