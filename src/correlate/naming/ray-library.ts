import type { TaskFacts } from '../compact/definitions.ts';
import { isRayModule } from './internal.ts';

/**
 * What a task or an actor is to Ray Data, Serve, Train or Tune, as far as the names say that Ray sends. Ray sends neither the rank of a
 * Train worker nor the id of a Tune trial.
 * Source: ray/data/_internal/execution/operators, ray/serve/_private/common.py, ray/train, ray/tune/trainable, Ray 2.49 to 2.60
 */
export interface RayLibraryFacts {
  readonly library: 'data' | 'serve' | 'train' | 'tune';
  /** Ray Data's operator, or several that are fused: `ReadRange->MapBatches(f)`. */
  readonly operator?: string | undefined;
  readonly application?: string | undefined;
  readonly deployment?: string | undefined;
  /** It runs a function or class of the user, although its own module is Ray's. */
  readonly runsUserCode: boolean;
}

type Named = Pick<TaskFacts, 'moduleName' | 'className' | 'functionName'> & { readonly name?: string | undefined };

const LIBRARY = /^ray\.(data|serve|train|tune)\./;
const MAP_WORKER = /^_?MapWorker\((.+)\)$/s;
const REPLICA_CLASS = 'ServeReplica:';
const REPLICA_NAME = /SERVE_REPLICA::(?:[^#:]*#)?[^#:]*#([^#:]+)/;
const CONSTRUCTOR = '__init__';
/** The class around the function of a trial, and its methods that call the function. */
const TRIAL_CLASS = 'ImplicitFunc';
const TRIAL_WORK: readonly string[] = ['', CONSTRUCTOR, 'train', 'save', 'restore', 'reset'];

/** Undefined for what belongs to none of them. */
export function rayLibraryOf({ moduleName = '', className = '', functionName = '', name = '' }: Named): RayLibraryFacts | undefined {
  const worker = MAP_WORKER.exec(className);
  if (worker !== null) return { library: 'data', operator: worker[1], runsUserCode: ['', 'submit', CONSTRUCTOR].includes(functionName) };
  if (className.startsWith(REPLICA_CLASS)) return replicaOf(className, functionName);
  const library = LIBRARY.exec(moduleName)?.[1] ?? '';
  switch (library) {
    case 'data':
      return dataTaskOf(moduleName, className, functionName, name);
    case 'serve':
      return { library, runsUserCode: false };
    case 'train':
      return { library, runsUserCode: isTrainWorker(className) && ['', 'run_train_fn', '_RayTrainWorker__execute'].includes(functionName) };
    case 'tune':
      return { library, runsUserCode: className === TRIAL_CLASS && TRIAL_WORK.includes(functionName) };
    default:
      return undefined;
  }
}

/** Work of Ray itself: from a module of Ray, and not a wrapper that runs code of the user. */
export function isRayWork(named: Named): boolean {
  return isRayModule(named.moduleName) && rayLibraryOf(named)?.runsUserCode !== true;
}

/** The id of a Serve replica, from the name of its actor or of the task that creates it. */
export function serveReplicaOf(actorName: string | undefined): string | undefined {
  return actorName === undefined ? undefined : REPLICA_NAME.exec(actorName)?.[1];
}

/** Operators are named by the task; a helper of Ray Data has the name of its function. */
function dataTaskOf(moduleName: string, className: string, functionName: string, name: string): RayLibraryFacts {
  const isOperator = moduleName.startsWith('ray.data._internal.execution.operators.') && className === '';
  const hasOwnName = isOperator && name !== '' && name !== functionName && !name.startsWith('_');
  return { library: 'data', operator: hasOwnName ? name : undefined, runsUserCode: isOperator && functionName === '_map_task' };
}

/** `ServeReplica:application:deployment`; releases without applications have the deployment alone. */
function replicaOf(className: string, functionName: string): RayLibraryFacts {
  const [first = '', ...rest] = className.slice(REPLICA_CLASS.length).split(':');
  const runsUserCode = functionName === '' || functionName === CONSTRUCTOR || /^(handle_request|initialize|reconfigure)/.test(functionName);
  if (rest.length === 0) return { library: 'serve', deployment: first, runsUserCode };
  return { library: 'serve', application: first, deployment: rest.join(':'), runsUserCode };
}

function isTrainWorker(className: string): boolean {
  return className === 'RayTrainWorker';
}
