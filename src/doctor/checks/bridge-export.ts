import type { BridgeFacts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { finding, type Finding, type Verdicts, verdictsOr, well } from '../verdict.ts';
import { notKnown } from './bridge-intake.ts';
import type { Check } from './check.ts';
import { exportStateOf } from './export-state.ts';

export const bridgeExport: Check = {
  name: 'bridge_export',
  judge: ({ bridge }) => judge(bridge),
};

function judge(bridge: BridgeFacts): Verdicts {
  const { counts, countsLater = counts } = bridge;
  if (counts === undefined || countsLater === undefined) return [notKnown(bridge)];
  const where = publicUrl(bridge.address);
  const findings: Finding[] = [];
  if (exportStateOf(bridge) === 'fails') {
    findings.push(
      finding('export_failing', {
        where,
        what: `the backend does not take what the bridge sends${toEndpoints(bridge)}: ${countsLater.exportRetries} tries have failed, ${countsLater.spansQueued} spans wait`,
        why: 'Spans wait in the bridge, then events in its journal, then in Ray.',
        fix: 'see the check of the backend here, with the OTEL_* variables of the bridge, and `export_retry` or `export_misconfigured` in its log',
      }),
    );
  }
  if (countsLater.spansRefused > 0) {
    findings.push(
      finding('export_refused', {
        where,
        what: `the backend has refused ${countsLater.spansRefused} spans for good`,
        why: 'They are set aside and will not be sent again by themselves.',
        fix: '`ray-otel-bridge quarantine list --kind span` shows why, with --data-dir; the log has `export_refused`',
      }),
    );
  }
  if (countsLater.spansDiscarded > 0) {
    findings.push(
      finding('export_off', {
        where,
        what: `${countsLater.spansDiscarded} spans were dropped, because the bridge has no exporter`,
        why: 'OTEL_TRACES_EXPORTER=none or OTEL_SDK_DISABLED=true is set where it runs.',
        fix: 'unset them, set OTEL_EXPORTER_OTLP_ENDPOINT, and restart the bridge',
      }),
    );
  }
  if (countsLater.spansSampledOut > 0 && countsLater.spansExported === 0) {
    findings.push(
      finding('sampled_out', {
        where,
        what: `the sampler has dropped all ${countsLater.spansSampledOut} spans so far`,
        why: 'OTEL_TRACES_SAMPLER decides by the trace id, and by the flag in a traceparent of the job.',
        fix: 'set OTEL_TRACES_SAMPLER=parentbased_always_on, or send traceparents that end in 01',
      }),
    );
  }
  const text =
    countsLater.spansExported > 0
      ? `the bridge has delivered ${countsLater.spansExported} spans${toEndpoints(bridge)}`
      : 'no export has failed; none was needed yet';
  return verdictsOr(findings, well(text));
}

/** ' to http://tempo:4318', as far as the bridge reports it. */
export function toEndpoints({ counts }: BridgeFacts): string {
  return counts === undefined || counts.endpoints.length === 0 ? '' : ` to ${counts.endpoints.map(printed).join(' and ')}`;
}

function printed(endpoint: string): string {
  return publicUrl(endpoint).replace(/\/$/, '');
}
