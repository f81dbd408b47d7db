import { endpointOrigin } from '../../export/index.ts';
import type { BackendFacts, BridgeFacts, Facts } from '../facts.ts';
import type { FindingCode } from '../findings.ts';
import type { OtlpOutcome } from '../otlp-outcome.ts';
import { finding, type Finding, unknown, type Verdict, type Verdicts, well } from '../verdict.ts';
import { toEndpoints } from './bridge-export.ts';
import type { Check } from './check.ts';
import { exportStateOf } from './export-state.ts';

export const backend: Check = { name: 'backend', judge };

const why = 'What the bridge makes of events cannot be delivered; it waits in the bridge and then in Ray.';
const fixAddress =
  'start the backend with OTLP switched on, and set OTEL_EXPORTER_OTLP_ENDPOINT of the bridge to its host and port: 4318 for HTTP, 4317 for gRPC';

type Asked = Extract<BackendFacts, { kind: 'asked' }>;

function judge({ backend: facts, bridge }: Facts): Verdicts {
  if (exportStateOf(bridge) === 'delivers' && !isTaken(facts)) return besideDelivery(facts, bridge);
  if (facts.kind === 'asked' && facts.isDefault && !isTaken(facts) && !sendsTo(bridge, facts.endpoint)) return [notOurs(bridge)];
  return ofShell(facts);
}

function isTaken(facts: BackendFacts): boolean {
  return facts.kind === 'asked' && facts.outcome.kind === 'taken';
}

function sendsTo({ counts }: BridgeFacts, endpoint: string): boolean {
  return counts?.endpoints.includes(endpointOrigin(endpoint)) === true;
}

/** A probe that fails from here is no fault while the bridge delivers: the bridge has other variables, or another network. */
function besideDelivery(facts: BackendFacts, bridge: BridgeFacts): Verdicts {
  const delivers = well(`the bridge delivers its spans${toEndpoints(bridge)}`);
  const fix = "none is needed for the bridge; run this with the bridge's OTEL_* variables to ask its endpoint from here";
  if (facts.kind === 'invalid')
    return [
      delivers,
      ...facts.problems.map((problem) => unknown(`the bridge delivers, and this shell has other settings: ${problem}`, fix)),
    ];
  if (facts.kind !== 'asked' || facts.outcome.kind === 'taken') return [delivers];
  // Spans that a wrong service takes count as delivered, too.
  if (facts.outcome.kind === 'remark' && sendsTo(bridge, facts.endpoint)) return [remark(facts, facts.outcome.reason)];
  if (facts.isDefault) return [delivers];
  const text = `${facts.endpoint} does not take OTLP from here (${facts.outcome.reason.slice(0, 200)}), and the bridge delivers all the same`;
  return [delivers, unknown(text, fix)];
}

/** The default endpoint is a guess: when nothing takes OTLP there, the bridge may still send elsewhere. */
function notOurs(bridge: BridgeFacts): Verdict {
  const to = toEndpoints(bridge);
  return unknown(
    `this shell has no OTEL_EXPORTER_OTLP_ENDPOINT, and nothing takes OTLP at its default${to === '' ? '' : `; the bridge sends${to}`}`,
    "run this with the bridge's OTEL_* variables, or give --endpoint",
  );
}

function ofShell(facts: BackendFacts): Verdicts {
  if (facts.kind === 'not_asked') {
    return [
      unknown(
        'this shell has no OTEL_EXPORTER_OTLP_ENDPOINT, and the bridge is not on this machine',
        "run this with the bridge's OTEL_* variables, or give --endpoint",
      ),
    ];
  }
  if (facts.kind === 'no_otlp')
    return [unknown(`OTLP is not used: ${facts.describe.join('; ')}`, 'set OTEL_TRACES_EXPORTER=otlp to have it checked')];
  if (facts.kind === 'invalid') {
    const [first, ...rest] = facts.problems.map((problem) =>
      finding('otlp_settings_invalid', {
        what: problem,
        why: '`serve` does not start with such a setting.',
        fix: 'correct the variable; `ray-otel-bridge serve --help` names them',
      }),
    );
    return first === undefined
      ? [unknown('the settings of the export cannot be read', 'see `ray-otel-bridge serve --help`')]
      : [first, ...rest];
  }
  if (facts.outcome.kind === 'taken') return [well(`${facts.endpoint} takes OTLP (${facts.protocol})${facts.route ?? ''}`)];
  if (facts.outcome.kind === 'remark') return [remark(facts, facts.outcome.reason)];
  return [failed(facts, facts.outcome)];
}

function remark({ endpoint }: Asked, reason: string): Finding {
  return finding('otlp_strange_answer', {
    where: endpoint,
    what: `${endpoint} takes the request, with a remark: ${reason.slice(0, 200)}`,
    why: 'Spans count as delivered; if another service answers there, they are lost.',
    fix: 'see that host and port are those of the backend, and look whether the traces are in it',
  });
}

type Failed = Exclude<OtlpOutcome, { kind: 'taken' | 'remark' }>;

const texts: Readonly<Record<Failed['kind'], { readonly code: FindingCode; readonly what: string; readonly fix: string }>> = {
  refused_connection: { code: 'otlp_unreachable', what: 'nothing listens', fix: fixAddress },
  unknown_host: { code: 'otlp_unreachable', what: 'the host is not known', fix: fixAddress },
  timeout: { code: 'otlp_unreachable', what: 'no answer came in time', fix: `look for a firewall on the way; ${fixAddress}` },
  not_its_protocol: { code: 'otlp_failing', what: 'no OTLP is spoken', fix: fixAddress },
  tls_mismatch: {
    code: 'otlp_tls',
    what: 'the other side speaks no TLS, or only TLS',
    fix: 'write http:// or https:// in OTEL_EXPORTER_OTLP_ENDPOINT as the backend has it',
  },
  tls_untrusted: {
    code: 'otlp_tls',
    what: 'the certificate is not trusted, or not for this name',
    fix: 'set OTEL_EXPORTER_OTLP_CERTIFICATE of the bridge to the PEM file of the authority that signed it, and use a name that the certificate is for',
  },
  credentials: {
    code: 'otlp_credentials',
    what: 'the credentials are missing or not taken',
    fix: 'set OTEL_EXPORTER_OTLP_HEADERS of the bridge as the backend wants it, for example x-api-key=KEY or authorization=Bearer%20TOKEN',
  },
  path: {
    code: 'otlp_path_wrong',
    what: 'the path is not known',
    fix: 'OTEL_EXPORTER_OTLP_ENDPOINT is the base, to which /v1/traces is added; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is used as it is',
  },
  redirect: {
    code: 'otlp_redirect',
    what: 'the answer is a redirect',
    fix: 'set OTEL_EXPORTER_OTLP_ENDPOINT to where it leads to: https instead of http, most often',
  },
  proxy: {
    code: 'otlp_proxy',
    what: 'the proxy on the way does not let it through',
    fix: 'set HTTPS_PROXY or HTTP_PROXY of the bridge to the right proxy, with user and password if it asks for them, or name the backend in NO_PROXY',
  },
  failing: { code: 'otlp_failing', what: 'the answer is an error', fix: 'look at the log of the backend' },
};

function failed({ endpoint, protocol, route = '', other, isDefault }: Asked, outcome: Failed): Finding {
  const where = `${endpoint} (${protocol})${route}`;
  const isGuess = isDefault ? ', the default, because OTEL_EXPORTER_OTLP_ENDPOINT is not set' : '';
  if (other?.speaks === true && other.protocol !== protocol) {
    return finding('otlp_protocol_mismatch', {
      where,
      what: `${endpoint} does not take ${protocol}${isGuess}, but ${other.endpoint} speaks ${other.protocol}`,
      why,
      fix: `set OTEL_EXPORTER_OTLP_PROTOCOL=${other.protocol} and OTEL_EXPORTER_OTLP_ENDPOINT=${other.endpoint} for the bridge, or the port of the other protocol (4317 gRPC, 4318 HTTP)`,
    });
  }
  const { code, what, fix } = texts[outcome.kind];
  const scheme = other?.speaks === true ? `: ${other.endpoint} works` : '';
  return finding(code, { where, what: `${endpoint}${isGuess}: ${what}${scheme} (${outcome.reason.slice(0, 200)})`, why, fix });
}
