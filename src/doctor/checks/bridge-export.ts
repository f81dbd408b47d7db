import type { BridgeFacts } from '../facts.ts';
import { publicUrl } from '../public-url.ts';
import { finding, type Finding, type Verdicts, verdictsOr, passed } from '../verdict.ts';
import { unknownCounters } from './bridge-intake.ts';
import type { Check } from './check.ts';
import { exportStateOf } from './export-state.ts';

export const bridgeExport: Check = {
  name: 'bridge_export',
  judge: ({ bridge }) => judge(bridge),
};

function judge(bridge: BridgeFacts): Verdicts {
  const { counts, countsLater = counts } = bridge;
  if (counts === undefined || countsLater === undefined) return [unknownCounters(bridge)];
  const where = publicUrl(bridge.address);
  const findings: Finding[] = [];
  if (exportStateOf(bridge) === 'fails') {
    findings.push(
      finding('export_failing', {
        where,
        what: `the backend does not accept what the bridge sends${toEndpoints(bridge)}: ${countsLater.exportRetries} tries failed, ${countsLater.spansQueued} spans wait`,
        why: 'Spans wait in the bridge, then events in its journal, then in Ray.',
        fix: 'run this with the OTEL_* variables of the bridge and see its finding about the backend; see also `export_retry` or `export_misconfigured` in the log of the bridge',
      }),
    );
  }
  if (countsLater.spansRefused > 0) {
    findings.push(
      finding('export_refused', {
        where,
        what: `the backend permanently refused ${countsLater.spansRefused} spans`,
        why: 'The bridge keeps them in quarantine and does not send them again by itself.',
        fix: 'see the reasons with `ray-otel-bridge quarantine list --kind span --data-dir FOLDER`, or `export_refused` in the log',
      }),
    );
  }
  if (countsLater.spansDiscarded > 0) {
    findings.push(
      finding('export_off', {
        where,
        what: `the bridge dropped ${countsLater.spansDiscarded} spans, because it has no exporter`,
        why: 'OTEL_TRACES_EXPORTER=none or OTEL_SDK_DISABLED=true is set where it runs.',
        fix: 'unset them, set OTEL_EXPORTER_OTLP_ENDPOINT, and restart the bridge',
      }),
    );
  }
  if (countsLater.spansSampledOut > 0 && countsLater.spansExported === 0) {
    findings.push(
      finding('sampled_out', {
        where,
        what: `the sampler dropped all ${countsLater.spansSampledOut} spans so far`,
        why: 'OTEL_TRACES_SAMPLER decides by the trace id, and by the sampled flag in the traceparent of a job.',
        fix: 'set OTEL_TRACES_SAMPLER=parentbased_always_on, or send a traceparent that ends in 01',
      }),
    );
  }
  const text =
    countsLater.spansExported > 0
      ? `the bridge has delivered ${countsLater.spansExported} spans${toEndpoints(bridge)}`
      : 'no export has failed, but none was needed yet';
  return verdictsOr(findings, passed(text));
}

/** ' to http://tempo:4318'. Empty when the bridge does not report its endpoints. */
export function toEndpoints({ counts }: BridgeFacts): string {
  return counts === undefined || counts.endpoints.length === 0 ? '' : ` to ${counts.endpoints.map(withoutSlash).join(' and ')}`;
}

function withoutSlash(endpoint: string): string {
  return publicUrl(endpoint).replace(/\/$/, '');
}
