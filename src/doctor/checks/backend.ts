import { endpointOrigin } from '../../export/index.ts';
import type { BackendFacts, BridgeFacts, Facts } from '../facts.ts';
import type { FindingCode } from '../findings.ts';
import type { OtlpOutcome } from '../otlp-outcome.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, passed } from '../verdict.ts';
import { toEndpoints } from './bridge-export.ts';
import type { Check } from './check.ts';
import { exportStateOf } from './export-state.ts';

export const backend: Check = { name: 'backend', judge };

const WHY = 'The bridge cannot deliver its spans. They wait in the bridge, and then the events wait in Ray.';
const FIX_ADDRESS =
  'start the backend with OTLP enabled, and set OTEL_EXPORTER_OTLP_ENDPOINT of the bridge to its host and port: 4318 for HTTP, 4317 for gRPC';

type Asked = Extract<BackendFacts, { kind: 'asked' }>;

function judge({ backend: facts, bridge }: Facts): Verdicts {
  if (exportStateOf(bridge) === 'delivers' && !isAccepted(facts)) return whileDelivering(facts, bridge);
  if (facts.kind === 'asked' && facts.isDefault && !isAccepted(facts) && !sendsTo(bridge, facts.endpoint)) return [unknownEndpoint(bridge)];
  return endpointVerdicts(facts);
}

function isAccepted(facts: BackendFacts): boolean {
  return facts.kind === 'asked' && facts.outcome.kind === 'accepted';
}

function sendsTo({ counts }: BridgeFacts, endpoint: string): boolean {
  return counts?.endpoints.includes(endpointOrigin(endpoint)) === true;
}

/** Verdicts while the bridge delivers. A failing request from here is then not a fault: the bridge has other variables or another network. */
function whileDelivering(facts: BackendFacts, bridge: BridgeFacts): Verdicts {
  const delivers = passed(`the bridge delivers its spans${toEndpoints(bridge)}`);
  const fix = "nothing: the bridge delivers. To check its endpoint from here, run this with the bridge's OTEL_* variables";
  if (facts.kind === 'invalid')
    return [
      delivers,
      ...facts.problems.map((problem) => unknown(`the bridge delivers, but this shell has other settings: ${problem}`, fix)),
    ];
  if (facts.kind !== 'asked' || facts.outcome.kind === 'accepted') return [delivers];
  // Spans that a wrong service accepts also count as delivered.
  if (facts.outcome.kind === 'warning' && sendsTo(bridge, facts.endpoint)) return [warning(facts, facts.outcome.reason)];
  if (facts.isDefault) return [delivers];
  const text = `${facts.endpoint} accepts no OTLP from here (${facts.outcome.reason.slice(0, 200)}), but the bridge delivers`;
  return [delivers, unknown(text, fix)];
}

/** The default endpoint is a guess: if it accepts no OTLP, the bridge may still send elsewhere. */
function unknownEndpoint(bridge: BridgeFacts): Verdict {
  const to = toEndpoints(bridge);
  return unknown(
    `this shell has no OTEL_EXPORTER_OTLP_ENDPOINT, and the default endpoint accepts no OTLP${to === '' ? '' : `; the bridge sends${to}`}`,
    "run this with the bridge's OTEL_* variables, or give --endpoint",
  );
}

function endpointVerdicts(facts: BackendFacts): Verdicts {
  if (facts.kind === 'not_asked') {
    return [
      unknown(
        'this shell has no OTEL_EXPORTER_OTLP_ENDPOINT, and the bridge is not on this machine',
        "run this with the bridge's OTEL_* variables, or give --endpoint",
      ),
    ];
  }
  if (facts.kind === 'no_otlp')
    return [unknown(`OTLP is not used: ${facts.describe.join('; ')}`, 'set OTEL_TRACES_EXPORTER=otlp to check the endpoint')];
  if (facts.kind === 'invalid') {
    const [first, ...rest] = facts.problems.map((problem) =>
      finding('otlp_settings_invalid', {
        what: problem,
        why: '`serve` does not start with this setting.',
        fix: 'correct the variable; see `ray-otel-bridge serve --help`',
      }),
    );
    return first === undefined ? [unknown('the export settings cannot be read', 'see `ray-otel-bridge serve --help`')] : [first, ...rest];
  }
  if (facts.outcome.kind === 'accepted') return [passed(`${facts.endpoint} accepts OTLP (${facts.protocol})${facts.route ?? ''}`)];
  if (facts.outcome.kind === 'warning') return [warning(facts, facts.outcome.reason)];
  return [failed(facts, facts.outcome)];
}

function warning({ endpoint }: Asked, reason: string): Finding {
  return finding('otlp_strange_answer', {
    where: endpoint,
    what: `${endpoint} accepts the request, with a warning: ${reason.slice(0, 200)}`,
    why: 'Spans count as delivered. If another service answers there, they are lost.',
    fix: 'check that host and port are those of the backend, and that the traces arrive there',
  });
}

type Failed = Exclude<OtlpOutcome, { kind: 'accepted' | 'warning' }>;

const FAILURES: Readonly<Record<Failed['kind'], { readonly code: FindingCode; readonly what: string; readonly fix: string }>> = {
  refused_connection: { code: 'otlp_unreachable', what: 'nothing listens', fix: FIX_ADDRESS },
  unknown_host: { code: 'otlp_unreachable', what: 'the host is unknown', fix: FIX_ADDRESS },
  timeout: { code: 'otlp_unreachable', what: 'no answer in time', fix: `check for a firewall on the way; ${FIX_ADDRESS}` },
  not_its_protocol: { code: 'otlp_failing', what: 'it does not speak OTLP', fix: FIX_ADDRESS },
  tls_mismatch: {
    code: 'otlp_tls',
    what: 'the backend speaks no TLS, or only TLS',
    fix: 'write http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT, as the backend requires',
  },
  tls_untrusted: {
    code: 'otlp_tls',
    what: 'the certificate is not trusted, or not valid for this name',
    fix: 'set OTEL_EXPORTER_OTLP_CERTIFICATE of the bridge to the PEM file of the authority that signed it, and use a name in the certificate',
  },
  credentials: {
    code: 'otlp_credentials',
    what: 'the credentials are missing or wrong',
    fix: 'set OTEL_EXPORTER_OTLP_HEADERS of the bridge as the backend requires, for example x-api-key=KEY or authorization=Bearer%20TOKEN',
  },
  path: {
    code: 'otlp_path_wrong',
    what: 'the path is unknown',
    fix: 'correct the path: OTEL_EXPORTER_OTLP_ENDPOINT is a base to which /v1/traces is added, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used unchanged',
  },
  redirect: {
    code: 'otlp_redirect',
    what: 'the answer is a redirect',
    fix: 'set OTEL_EXPORTER_OTLP_ENDPOINT to the target of the redirect, usually https instead of http',
  },
  proxy: {
    code: 'otlp_proxy',
    what: 'the proxy on the way does not forward the request',
    fix: 'set HTTPS_PROXY or HTTP_PROXY of the bridge to the right proxy, with user and password if required, or list the backend in NO_PROXY',
  },
  failing: { code: 'otlp_failing', what: 'the answer is an error', fix: 'look at the log of the backend' },
};

function failed({ endpoint, protocol, route = '', other, isDefault }: Asked, outcome: Failed): Finding {
  const where = `${endpoint} (${protocol})${route}`;
  const isGuess = isDefault ? ', the default, because OTEL_EXPORTER_OTLP_ENDPOINT is not set' : '';
  if (other?.speaks === true && other.protocol !== protocol) {
    return finding('otlp_protocol_mismatch', {
      where,
      what: `${endpoint} does not speak ${protocol}${isGuess}, but ${other.endpoint} speaks ${other.protocol}`,
      why: WHY,
      fix: `set OTEL_EXPORTER_OTLP_PROTOCOL=${other.protocol} and OTEL_EXPORTER_OTLP_ENDPOINT=${other.endpoint} for the bridge, or the port of the other protocol (4317 gRPC, 4318 HTTP)`,
    });
  }
  const { code, what, fix } = FAILURES[outcome.kind];
  const scheme = other?.speaks === true ? `: ${other.endpoint} works` : '';
  return finding(code, { where, what: `${endpoint}${isGuess}: ${what}${scheme} (${outcome.reason.slice(0, 200)})`, why: WHY, fix });
}
