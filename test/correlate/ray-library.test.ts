import { describe, expect, it } from 'vitest';
import { isRayWork, rayLibraryOf, serveReplicaOf } from '../../src/correlate/index.ts';

// Names as Ray 2.49 to 2.60 sends them.

const OPERATORS = 'ray.data._internal.execution.operators.map_operator';
const POOL = 'ray.data._internal.execution.operators.actor_pool_map_operator';

describe('the library that a task belongs to', () => {
  it.each([
    [
      'a read task',
      { moduleName: OPERATORS, functionName: '_map_task', name: 'ReadRange' },
      { library: 'data', operator: 'ReadRange' },
      false,
    ],
    [
      'fused operators',
      { moduleName: OPERATORS, functionName: '_map_task', name: 'ReadRange->MapBatches(f)' },
      { library: 'data', operator: 'ReadRange->MapBatches(f)' },
      false,
    ],
    ['a helper of Ray Data', { moduleName: 'ray.data._internal.util', functionName: 'fetch', name: 'fetch' }, { library: 'data' }, true],
    [
      'a task without the name of an operator',
      { moduleName: 'ray.data._internal.execution.operators.hash_shuffle', functionName: '_shuffle_block', name: '_shuffle_block' },
      { library: 'data' },
      true,
    ],
    [
      'a call on the pool of an operator',
      { moduleName: POOL, className: 'MapWorker(MapBatches(pre)->MapBatches(Model))', functionName: 'submit', name: 'submit' },
      { library: 'data', operator: 'MapBatches(pre)->MapBatches(Model)' },
      false,
    ],
    [
      'where the actor of a pool is',
      { moduleName: POOL, className: 'MapWorker(Map(f))', functionName: 'get_location' },
      { library: 'data', operator: 'Map(f)' },
      true,
    ],
    [
      'a request',
      { moduleName: 'ray.serve._private.replica', className: 'ServeReplica:shop:Model', functionName: 'handle_request_with_rejection' },
      { library: 'serve', application: 'shop', deployment: 'Model' },
      false,
    ],
    [
      'a health check',
      { moduleName: 'ray.serve._private.replica', className: 'ServeReplica:shop:Model', functionName: 'check_health' },
      { library: 'serve', application: 'shop', deployment: 'Model' },
      true,
    ],
    [
      'a replica of a release without applications',
      { moduleName: 'ray.serve._private.replica', className: 'ServeReplica:Model', functionName: 'handle_request' },
      { library: 'serve', deployment: 'Model' },
      false,
    ],
    [
      'the controller of Serve',
      { moduleName: 'ray.serve._private.controller', className: 'ServeController', functionName: 'run' },
      { library: 'serve' },
      true,
    ],
    [
      'a training function',
      { moduleName: 'ray.train.v2._internal.execution.worker_group.worker', className: 'RayTrainWorker', functionName: 'run_train_fn' },
      { library: 'train' },
      false,
    ],
    [
      'the status of a training worker',
      { moduleName: 'ray.train.v2._internal.execution.worker_group.worker', className: 'RayTrainWorker', functionName: 'poll_status' },
      { library: 'train' },
      true,
    ],
    [
      'a trial',
      { moduleName: 'ray.tune.trainable.function_trainable', className: 'ImplicitFunc', functionName: 'train' },
      { library: 'tune' },
      false,
    ],
    [
      'what Tune asks a trial itself',
      { moduleName: 'ray.tune.trainable.function_trainable', className: 'ImplicitFunc', functionName: 'get_auto_filled_metrics' },
      { library: 'tune' },
      true,
    ],
  ])('%s', (_, named, facts, isInternal) => {
    expect(rayLibraryOf(named)).toMatchObject(facts);
    expect(isRayWork(named)).toBe(isInternal);
  });

  it.each([
    ['a function of the user', { moduleName: 'app', functionName: 'f' }],
    ['a module of the user that begins like one of Ray', { moduleName: 'raydata.serve', functionName: 'f' }],
    ['work without a module', {}],
  ])('%s belongs to none', (_, named) => {
    expect(rayLibraryOf(named)).toBeUndefined();
    expect(isRayWork(named)).toBe(false);
  });

  it('Ray itself works outside its libraries too', () => {
    expect(isRayWork({ moduleName: 'ray.util.queue', className: '_QueueActor', functionName: 'put' })).toBe(true);
  });
});

it.each([
  ['SERVE_REPLICA::echo#Echo#by3xdeab', 'by3xdeab'],
  ['SERVE_REPLICA::Echo#by3xdeab', 'by3xdeab'],
  ['SERVE_REPLICA::echo#Echo#by3xdeab:ServeReplica:echo:Echo.__init__', 'by3xdeab'],
  ['SERVE_CONTROLLER_ACTOR', undefined],
  [undefined, undefined],
])('the replica of the actor %s is %s', (name, replica) => {
  expect(serveReplicaOf(name)).toBe(replica);
});
