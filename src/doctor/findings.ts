/** `fault`: keeps something from arriving, now. `warning`: loses something, or will, or was meant so. */
export type Severity = 'fault' | 'warning';

interface FindingRow {
  readonly severity: Severity;
  readonly meaning: string;
}

/** Every finding of `doctor`: the codes are stable; docs/reference/doctor-findings.md lists them. In the order of the way: Ray, its nodes, the bridge, the backend. */
export const FINDINGS = {
  ray_unreachable: fault("Ray's dashboard does not answer at the address of `--ray-address`"),
  ray_not_dashboard: fault("What answers at `--ray-address` is not Ray's dashboard: another port of Ray, a proxy, a log-in page"),
  ray_token_missing: fault('Ray asks for its token, and `doctor` was given none'),
  ray_token_invalid: fault("Ray does not take the token of this shell's variables or file"),
  ray_dashboard_off: warning(
    'The head runs without its dashboard: nodes post all the same, but no job can be submitted, and only this machine can be looked at',
  ),
  ray_too_old: fault('Ray is older than 2.49 and cannot post events'),
  ray_minimal: fault('A node has Ray without `[default]`: the agent that posts events is not in it'),
  agent_absent: fault('A node is up for more than a minute, and its agent does not report: most often a Ray without `[default]`'),
  variable_misspelt: warning('A variable has nearly the name of one that Ray or the bridge reads, and nothing reads it'),
  address_missing: fault('A node has no address to post to'),
  address_invalid: fault('The address to post to is not a URL that Ray can use'),
  address_otlp_port: warning('The address to post to has the port of an OTLP backend, 4317 or 4318, where a bridge should be'),
  address_differs: warning('A node posts to another address than the one that was checked'),
  publishing_off: fault('Posting is switched off on a node'),
  restart_needed: fault('The variables are set in this shell, but Ray was started without them'),
  ray_event_flag_missing: fault('`RAY_enable_ray_event` is not on at the head: no jobs, actors and nodes'),
  task_flag_missing: fault('`RAY_enable_core_worker_ray_event_to_aggregator` is not on: no tasks'),
  task_events_off: fault('`RAY_task_events_report_interval_ms` is 0, which turns task events off'),
  driver_flag_missing: warning('A driver, or the shell that will start one, lacks its flag: no definitions and no ends of its tasks'),
  event_types_outdated: fault('The list of event types was written for another release of Ray'),
  event_types_unknown: warning('The list of event types has names that no release of Ray knows'),
  events_all_filtered: fault('A node gets events and posts none of them: its list of event types lets none through'),
  events_dropped: warning('A node has lost events because its buffer was full'),
  agent_cannot_connect: fault('A node cannot connect to the address that it posts to'),
  agent_unknown_host: fault('A node cannot resolve the host that it posts to'),
  agent_timeout: fault('A node gets no answer in time'),
  agent_token_refused: fault("A node's posts are answered 401 or 403"),
  agent_path_wrong: fault("A node's posts are answered 404 or 405"),
  agent_bridge_busy: fault("A node's posts are answered 5xx or 429"),
  agent_post_refused: fault("A node's posts are answered with another error: 400, 413, 415..."),
  agent_redirected: fault("A node's posts are redirected without end"),
  agent_tls: fault('A node does not trust the certificate, or speaks TLS where there is none, or none where there is TLS'),
  agent_log_missing: warning('A node has no `dashboard_agent.log`, which tells where it posts to and why that fails'),
  agent_failing: fault("A node's posts fail, and its log does not tell why"),
  agent_stopped: fault("A node's publisher has ended and posts nothing until Ray is restarted there"),
  clock_skew: warning('The clocks of two nodes differ: states of one task come from both'),
  bridge_unreachable: fault('Nothing answers at the address of the bridge'),
  bridge_tls: fault('The certificate of the bridge is not trusted, or https and http are mixed up'),
  bridge_not_http: fault('What listens at the address of the bridge does not speak HTTP'),
  bridge_redirect: fault('Something redirects on the way to the bridge: Ray takes that for success and loses the events'),
  bridge_path_wrong: fault('The path of the address is not one that takes posts'),
  bridge_not_bridge: fault('Something else than a ray-otel-bridge answers at the address'),
  bridge_token_missing: fault('The bridge asks for a token, and the address has none'),
  bridge_token_invalid: fault('The bridge does not take the token of the address'),
  bridge_busy: fault('The bridge answers posts with 503: Ray keeps its events'),
  bridge_refuses: fault('The bridge, or a proxy before it, refuses a post'),
  bridge_not_ready: fault('The bridge lives, but says that it is not ready'),
  senders_refused: fault('Posts of senders are being refused at the bridge'),
  senders_were_refused: warning('Posts of senders were refused since the bridge started; none in the last seconds'),
  posts_go_elsewhere: fault('Nodes have delivered events, and none of them came to this bridge'),
  nothing_received: warning('No event has come since the bridge started'),
  no_tasks_received: warning('Events come, but none of a task'),
  events_rejected: warning('The bridge could not use some events'),
  export_failing: fault('The bridge cannot deliver its spans: the backend does not take them'),
  export_refused: warning('The backend has refused spans for good'),
  export_off: fault('The bridge has no exporter: spans are counted and dropped'),
  sampled_out: warning('The sampler has dropped every span so far'),
  otlp_settings_invalid: fault('The `OTEL_*` variables cannot be used'),
  otlp_unreachable: fault('Nothing answers at the OTLP endpoint'),
  otlp_protocol_mismatch: fault('The OTLP endpoint speaks gRPC where HTTP is set, or the reverse (4317 and 4318)'),
  otlp_tls: fault('TLS to the OTLP endpoint fails: trust, or https and http mixed up'),
  otlp_credentials: fault('The OTLP endpoint does not take the credentials'),
  otlp_path_wrong: fault('The OTLP endpoint does not know the path'),
  otlp_redirect: fault('The OTLP endpoint redirects; that is not followed'),
  otlp_strange_answer: warning('The OTLP endpoint takes the request, but its answer is not that of a backend, or has a remark'),
  otlp_proxy: fault('The proxy on the way to the OTLP endpoint is away, or refuses'),
  otlp_failing: fault('The OTLP endpoint answers with an error'),
} as const satisfies Record<string, FindingRow>;

export type FindingCode = keyof typeof FINDINGS;

function fault(meaning: string) {
  return { severity: 'fault', meaning } as const;
}

function warning(meaning: string) {
  return { severity: 'warning', meaning } as const;
}
