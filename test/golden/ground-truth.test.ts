import { describe, expect, it } from 'vitest';
import { rayEventsToSpans } from '../../src/convert.ts';
import { otlpJsonLines } from '../../src/export/index.ts';
import { compareWithTruth, readGroundTruth } from '../support/ground-truth.ts';
import { spanId } from '../support/identity.ts';
import { checkTraces } from '../support/oracle.ts';
import { type FlatSpan, readOtlpJsonLines } from '../support/otlp-spans.ts';
import { readFacts, type SessionFacts } from '../support/ray-facts.ts';
import { recordedEvents } from '../support/recordings.ts';
import { playLive } from './play-live.ts';

// Recordings of programs that logged what they did. What stands here is what they logged, not what the bridge once made of it:
// it never changes, whatever the goldens say.

interface Truth {
  /** How often each task, actor creation and method was attempted, by name. */
  readonly attempts: Readonly<Record<string, number>>;
  /** Attempts that failed, by name. */
  readonly failed: Readonly<Record<string, number>>;
  /** What became of the job; Ray does not report the exit code of a driver that it did not start. */
  readonly outcome: 'failed' | 'stopped' | 'unknown';
  /** Attempts that ended because their driver did, running or waiting; of a driver that was killed, the same as of one that was stopped. */
  readonly endedWithDriver?: Readonly<Record<string, number>>;
}

const TRUTHS: Readonly<Record<string, Truth>> = {
  // Nine leaves from threads of the driver, four from threads of `mid`, then two actors that call exit_actor().
  threads: {
    attempts: { leaf: 13, mid: 1, 'Exiter.__init__': 1, 'Exiter.ok': 1, 'Exiter.go': 1, 'AExiter.__init__': 1, 'AExiter.go': 1 },
    failed: {},
    outcome: 'unknown',
  },
  // Requests of 25 s are in flight when the driver that deployed the application ends.
  'serve-inflight-at-job-close': {
    attempts: {
      'SERVE_CONTROLLER_ACTOR:ServeController.__init__': 1,
      'SERVE_PROXY_ACTOR-bbb355841eeaf92a240a4cb658c0e6129031cc042fb914974b5b8f4c:ProxyActor.__init__': 1,
      'SERVE_REPLICA::echo#Echo#by3xdeab:ServeReplica:echo:Echo.__init__': 1,
      'ServeController.get_proxies': 2,
      'ServeController.get_deployment_status': 2,
      'ServeController.deploy_applications': 1,
      'ServeController.listen_for_change': 11,
      'ServeController.get_root_url': 2,
      'ServeController.list_deployment_ids': 1,
      'ServeController.get_serve_status': 3,
      'ServeController.get_http_config': 2,
      'ServeController.check_alive': 1,
      'ServeController.get_tracing_config': 1,
      'ProxyActor.ready': 2,
      'ProxyActor.check_health': 8,
      'ProxyActor.pong': 1,
      'ProxyActor.serving': 1,
      'ProxyActor.receive_asgi_messages': 8,
      'ServeReplica:echo:Echo.is_allocated': 1,
      'ServeReplica:echo:Echo.check_health': 8,
      'ServeReplica:echo:Echo.initialize_and_get_metadata': 1,
      'ServeReplica:echo:Echo.get_num_ongoing_requests': 2,
      'ServeReplica:echo:Echo.push_proxy_handle': 1,
      'ServeReplica:echo:Echo.handle_request_with_rejection': 4,
    },
    failed: {},
    outcome: 'unknown',
  },
  // Two datasets; the second raises in its only block.
  'data-job': {
    attempts: {
      ReadRange: 20,
      'ReadRange->MapBatches(add_column)': 1,
      'MapWorker(MapBatches(pre)->MapBatches(Model)).__init__': 2,
      'MapWorker(MapBatches(pre)->MapBatches(Model)).get_location': 2,
      'MapWorker(MapBatches(pre)->MapBatches(Model)).submit': 20,
      'ActorLocationTracker:ActorLocationTracker.__init__': 1,
      'ActorLocationTracker.get_actor_locations': 14,
      'ActorLocationTracker.update_actor_location': 2,
      'AutoscalingCoordinator:_AutoscalingCoordinatorActor.__init__': 1,
      '_AutoscalingCoordinatorActor.request_resources': 5,
      '_AutoscalingCoordinatorActor.get_reserved_resources': 6,
      '_AutoscalingCoordinatorActor.cancel_request': 3,
      'datasets_stats_actor:_StatsActor.__init__': 1,
      '_StatsActor.register_dataset': 2,
      '_StatsActor.update_execution_metrics': 7,
      '_StatsActor.update_iteration_metrics': 3,
    },
    failed: { 'ReadRange->MapBatches(add_column)': 1 },
    outcome: 'failed',
  },
  // Two workers, whose first run fails, so that both are started again. Ends by stopping its own actors.
  train: {
    attempts: {
      'TrainController.__init__': 1,
      'TrainController.run': 1,
      'TrainController.get_result': 1,
      'PlacementGroupCleaner.__init__': 1,
      'PlacementGroupCleaner.start_monitoring': 1,
      'PlacementGroupCleaner.register_placement_group': 2,
      'PlacementGroupCleaner.stop': 1,
      'SynchronizationActor.__init__': 2,
      'SynchronizationActor.broadcast_from_rank_zero': 15,
      'DatasetManager.__init__': 2,
      'DatasetManager.shutdown_data_executors': 2,
      'PreemptionWatcher.__init__': 2,
      'RayTrainWorker.__init__': 4,
      'RayTrainWorker.get_metadata': 4,
      'RayTrainWorker.init_train_context': 4,
      'RayTrainWorker.run_train_fn': 4,
      'RayTrainWorker.poll_status': 20,
      'RayTrainWorker.shutdown': 4,
      'execute.get_train_application_worker_log_path': 4,
      'execute._propagate_data_context': 4,
      'execute.chdir_to_working_dir': 4,
    },
    // A call that was waiting when its actor was stopped with its group.
    failed: { 'SynchronizationActor.broadcast_from_rank_zero': 1 },
    outcome: 'unknown',
  },
  // Three of eight steps run when the driver gets a SIGKILL, three of six when its submission is stopped.
  'driver-sigkill': { attempts: { step: 8 }, failed: {},
    outcome: 'failed', endedWithDriver: { step: 8 } },
  'job-stop': { attempts: { step: 6 }, failed: {},
    outcome: 'stopped', endedWithDriver: { step: 6 } },
};

const LOGGED = ['services-and-threads-ray-2.60.0'];

describe.each(Object.entries(TRUTHS))('%s', (name, truth) => {
  const file = `${name}-ray-2.60.0.ndjson.gz`;
  const events = recordedEvents(file);
  const spans = readOtlpJsonLines([...otlpJsonLines(rayEventsToSpans(events).spans)].join(''));
  const sessions = [...readFacts(events).sessions.values()];

  it('has one span for each attempt, and no other attempt', () => {
    expect(countsByName(attemptSpans(spans))).toEqual(truth.attempts);
  });

  it('has failed attempts where the program failed', () => {
    expect(countsByName(attemptSpans(spans).filter((span) => span.statusCode === 2))).toEqual(truth.failed);
  });

  it('says what became of the job', () => {
    const outcomes = spans.filter(({ attributes }) => 'ray.job.entrypoint' in attributes).map(({ attributes }) => attributes['ray.job.outcome']);
    expect(outcomes).toEqual([truth.outcome]);
  });

  it('says of an attempt that it ended with its driver where it did', () => {
    const ended = attemptSpans(spans).filter(({ attributes }) => attributes['ray.task.end_reason'] === 'driver_ended');
    expect(countsByName(ended)).toEqual(truth.endedWithDriver ?? {});
  });

  it('cuts no attempt, played at the pace at which it was recorded', () => {
    expect(sessions.flatMap((session) => cutAttempts(session, playLive(file).spans))).toEqual([]);
  });

  it('makes the same spans at the pace at which it was recorded as all at once', () => {
    expect(sorted(playLive(file).spans)).toEqual(sorted(spans));
  });
});

// The logs of the tasks themselves: the workload of test/e2e/ground-truth.test.ts without Data and Train.
describe.each(LOGGED)('the log of %s', (name) => {
  const truth = readGroundTruth(new URL(`../fixtures/ground-truth/${name}.truth.jsonl.gz`, import.meta.url).pathname);
  const file = `../ground-truth/${name}.ndjson.gz`;
  const events = recordedEvents(file);

  it('has many attempts', () => {
    expect(truth.runs.length).toBeGreaterThan(80);
  });

  it('agrees with the spans, made all at once', () => {
    const spans = readOtlpJsonLines([...otlpJsonLines(rayEventsToSpans(events).spans)].join(''));
    expect(compareWithTruth({ truth, events, spans })).toEqual([]);
    expect(checkTraces(events, spans)).toEqual([]);
  });

  it('agrees with the spans, made at the pace at which it was recorded', () => {
    const { spans } = playLive(file);
    expect(compareWithTruth({ truth, events, spans })).toEqual([]);
    expect(checkTraces(events, spans)).toEqual([]);
  });
});

function attemptSpans(spans: readonly FlatSpan[]): FlatSpan[] {
  return spans.filter(({ spanId: id, attributes, resource }) => {
    const taskId = attributes['ray.task_id'];
    const attempt = attributes['ray.task.attempt'];
    if (typeof taskId !== 'string' || typeof attempt !== 'number' || attributes['ray.placeholder'] === true) return false;
    return id === spanId('task', String(resource['ray.session_name']), taskId, attempt);
  });
}

function countsByName(spans: readonly FlatSpan[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name } of spans) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Attempts whose span ends before the worker that ran them says that they ended. */
function cutAttempts(session: SessionFacts, spans: readonly FlatSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  return session.profiles
    .filter(({ name }) => name.startsWith('task::'))
    .flatMap(({ taskId, attempt, name, startNs, endNs }) => {
      const span = byId.get(spanId('task', session.session, taskId, attempt));
      if (span === undefined) return [`${name} of ${taskId} has no span`];
      // The owner's clock may say a little earlier that an attempt finished than its worker does.
      const isCut = span.startNs > startNs || span.endNs + 50_000_000n < endNs;
      return isCut ? [`${name} of ${taskId}: ${span.startNs}..${span.endNs}, but it ran ${startNs}..${endNs}`] : [];
    });
}

function sorted(spans: readonly FlatSpan[]): FlatSpan[] {
  return spans.toSorted((a, b) => (a.traceId + a.spanId < b.traceId + b.spanId ? -1 : 1));
}
