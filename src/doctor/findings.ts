/** `fault`: data does not arrive now. `warning`: data is or will be lost, or the setting may be intended. */
export type Severity = 'fault' | 'warning';

interface FindingRow {
  readonly severity: Severity;
  readonly meaning: string;
}

/** All findings of `doctor`, in the order Ray, nodes, bridge, backend. The codes are stable, and docs/reference/doctor-findings.md lists them. */
export const FINDINGS = {
  ray_unreachable: fault("Ray's dashboard does not answer at the address of `--ray-address`"),
  ray_not_dashboard: fault(
    "The program at `--ray-address` is not Ray's dashboard, but for example another port of Ray, a proxy or a login page",
  ),
  ray_token_missing: fault('Ray requires its token, and `doctor` found none'),
  ray_token_invalid: fault("Ray rejects the token of this shell's variables or file"),
  ray_dashboard_off: warning(
    'The head runs without its dashboard: nodes still post, but jobs cannot be submitted, and `doctor` can check only this machine',
  ),
  ray_too_old: fault('Ray is older than 2.49 and cannot post events'),
  ray_minimal: fault('A node has Ray without `[default]`, which does not include the agent that posts events'),
  agent_absent: fault('A node has been up for more than a minute, but its agent does not report: usually Ray without `[default]`'),
  variable_misspelt: warning('A variable is unknown, and its name is close to one that Ray or the bridge reads'),
  address_missing: fault('A node has no address to post to'),
  address_invalid: fault('The address to post to is not a URL that Ray can use'),
  address_otlp_port: warning('The address to post to has the port of an OTLP backend (4317 or 4318), not of a bridge'),
  address_differs: warning('A node posts to an address that differs from the checked one'),
  publishing_off: fault('Posting is disabled on a node'),
  restart_needed: fault('The variables are set in this shell, but Ray was started without them'),
  ray_event_flag_missing: fault('`RAY_enable_ray_event` is off on the head: no events of jobs, actors and nodes'),
  task_flag_missing: fault('`RAY_enable_core_worker_ray_event_to_aggregator` is off: no events of tasks'),
  task_events_off: fault('`RAY_task_events_report_interval_ms` is 0, which disables task events'),
  driver_flag_missing: warning('A driver, or the shell that will start one, lacks its flag: its tasks have no name and no end'),
  event_types_outdated: fault('The list of event types was written for another release of Ray'),
  event_types_unknown: warning('The list of event types contains names that no release of Ray knows'),
  events_all_filtered: fault('A node receives events but posts none, because its list of event types excludes all of them'),
  events_dropped: warning('A node dropped events because its buffer was full'),
  agent_cannot_connect: fault('A node cannot connect to its address to post to'),
  agent_unknown_host: fault('A node cannot resolve the host of its address to post to'),
  agent_timeout: fault('The posts of a node get no answer in time'),
  agent_token_refused: fault("A node's posts are answered 401 or 403"),
  agent_path_wrong: fault("A node's posts are answered 404 or 405"),
  agent_bridge_busy: fault("A node's posts are answered 5xx or 429"),
  agent_post_refused: fault("A node's posts are answered with another error: 400, 413, 415..."),
  agent_redirected: fault("A node's posts are redirected without end"),
  agent_tls: fault('A node does not trust the certificate, or http:// and https:// are mixed up'),
  agent_log_missing: warning('A node has no `dashboard_agent.log`, which shows where the agent posts to and why that fails'),
  agent_failing: fault("A node's posts fail, and its log does not show why"),
  agent_stopped: fault("A node's publisher has stopped and posts nothing until Ray is restarted there"),
  clock_skew: warning('The clocks of two nodes differ, and the states of one task can come from both'),
  bridge_unreachable: fault('Nothing answers at the address of the bridge'),
  bridge_tls: fault('The certificate of the bridge is not trusted, or http:// and https:// are mixed up'),
  bridge_not_http: fault('The program at the address of the bridge does not speak HTTP'),
  bridge_redirect: fault('A redirect is on the way to the bridge: Ray treats it as success and loses the events'),
  bridge_path_wrong: fault('The path of the address does not accept posts'),
  bridge_not_bridge: fault('Another program than ray-otel-bridge answers at the address'),
  bridge_token_missing: fault('The bridge requires a token, and the address has none'),
  bridge_token_invalid: fault('The bridge rejects the token of the address'),
  bridge_busy: fault('The bridge answers posts with 503: Ray keeps its events'),
  bridge_refuses: fault('The bridge, or a proxy in front of it, refuses a post'),
  bridge_not_ready: fault('The bridge runs, but reports that it is not ready'),
  senders_refused: fault('The bridge is refusing posts'),
  senders_were_refused: warning('The bridge has refused posts since its start, but none in the last seconds'),
  posts_go_elsewhere: fault('Nodes have delivered events, but this bridge has received none'),
  nothing_received: warning('The bridge has received no event since its start'),
  no_tasks_received: warning('The bridge receives events, but none of tasks'),
  posts_frequent: warning('Agents send more than 500 posts in a second: fewer, larger ones save most of the CPU of the bridge'),
  events_rejected: warning('The bridge rejected some events'),
  export_failing: fault('The bridge cannot deliver its spans: the backend does not accept them'),
  export_refused: warning('The backend has permanently refused spans'),
  export_off: fault('The bridge has no exporter: spans are counted and dropped'),
  sampled_out: warning('The sampler has dropped every span so far'),
  otlp_settings_invalid: fault('The `OTEL_*` variables are invalid'),
  otlp_unreachable: fault('Nothing answers at the OTLP endpoint'),
  otlp_protocol_mismatch: fault('The OTLP endpoint speaks gRPC but HTTP is set, or the reverse (ports 4317 and 4318)'),
  otlp_tls: fault('TLS to the OTLP endpoint fails: its certificate is not trusted, or http:// and https:// are mixed up'),
  otlp_credentials: fault('The OTLP endpoint rejects the credentials'),
  otlp_path_wrong: fault('The OTLP endpoint does not know the path'),
  otlp_redirect: fault('The OTLP endpoint redirects, which exporters do not follow'),
  otlp_strange_answer: warning('The OTLP endpoint accepts the request, but its answer is not that of a backend, or contains a warning'),
  otlp_proxy: fault('The proxy on the way to the OTLP endpoint is unreachable, or refuses'),
  otlp_failing: fault('The OTLP endpoint answers with an error'),
} as const satisfies Record<string, FindingRow>;

export type FindingCode = keyof typeof FINDINGS;

function fault(meaning: string) {
  return { severity: 'fault', meaning } as const;
}

function warning(meaning: string) {
  return { severity: 'warning', meaning } as const;
}
