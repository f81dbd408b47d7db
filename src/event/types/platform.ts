import { readTimeAndSeverity } from '../cluster-point.ts';
import { readMessage, readName, readObject, readTextMap } from '../fields.ts';
import type { Payload } from '../payload.ts';
import type { ClusterPoint } from '../ray-event.ts';

/**
 * Decodes `PlatformEvent` (`platform_event.proto`), Ray 2.56 and later: a Kubernetes event about an
 * object of the cluster. Its name is `<object kind>/<object name> <reason>`. Attributes, when not
 * empty: `object_kind`, `object_name`, `reason`, `component`, `namespace`, `ray_cluster_name`,
 * `count`.
 *
 * `event_id` is that of the Kubernetes event and repeats with a higher count, so it does not
 * identify duplicates.
 */
export function decodePlatform(payload: Payload): ClusterPoint {
  const { body, envelope, header, problem } = payload;
  const source = readObject(body, 'source', problem) ?? {};
  const metadata = readTextMap(source, 'metadata', problem);
  const custom = readTextMap(body, 'customFields', problem);
  const attributes = withoutEmpty({
    object_kind: readName(body, 'objectKind', problem),
    object_name: readName(body, 'objectName', problem),
    reason: readName(body, 'reason', problem),
    component: readName(source, 'component', problem),
    namespace: metadata['namespace'],
    ray_cluster_name: metadata['ray_cluster_name'],
    count: custom['count'],
  });
  return {
    ...header,
    ...readTimeAndSeverity(payload),
    type: 'cluster_point',
    source: 'platform',
    name: pointName(attributes),
    message: readMessage(body, 'message', problem) ?? readMessage(envelope, 'message', problem) ?? '',
    attributes,
  };
}

function pointName(attributes: Readonly<Record<string, string>>): string {
  const object = [attributes['object_kind'], attributes['object_name']].filter(isDefined).join('/');
  return [object, attributes['reason']].filter((part) => part !== undefined && part !== '').join(' ') || 'platform event';
}

function withoutEmpty(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== '') kept[key] = value;
  }
  return kept;
}

function isDefined(value: string | undefined): value is string {
  return value !== undefined;
}
