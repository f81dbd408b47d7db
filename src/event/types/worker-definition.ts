import { type Draft, readEnum, readId, readPid, readRequiredId, setDefined } from '../fields.ts';
import { ID_BYTES } from '../hex-id.ts';
import type { Payload } from '../payload.ts';
import type { WorkerDefinition } from '../ray-event.ts';

const WORKER_TYPES = ['WORKER', 'DRIVER', 'SPILL_WORKER', 'RESTORE_WORKER'];

/** Decodes `WorkerDefinitionEvent` (`events_worker_definition_event.proto`), Ray 2.58 and later. */
export function decodeWorkerDefinition({ body, header, problem }: Payload): WorkerDefinition {
  const worker: Draft<WorkerDefinition> = {
    ...header,
    type: 'worker_definition',
    workerId: readRequiredId(body, 'workerId', ID_BYTES.worker, problem),
    workerType: readEnum(body, 'workerType', WORKER_TYPES, problem),
  };
  setDefined(worker, 'nodeId', readId(body, 'nodeId', ID_BYTES.node, problem));
  setDefined(worker, 'pid', readPid(body, 'pid', problem));
  return worker;
}
