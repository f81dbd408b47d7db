import { describe, expect, it } from 'vitest';
import { MAX_MISSPELT, misspeltRayVariables, namesOfEnviron } from '../../src/doctor/variables.ts';

describe('misspelt variables of Ray', () => {
  it.each([
    ['RAY_ENABLE_RAY_EVENT', 'RAY_enable_ray_event'],
    ['RAY_enable_ray_events', 'RAY_enable_ray_event'],
    ['enable_ray_event', 'RAY_enable_ray_event'],
    ['RAY_enable_core_worker_event_to_aggregator', 'RAY_enable_core_worker_ray_event_to_aggregator'],
    ['RAY_DASHBOARD_AGGREGATOR_AGENT_EVENT_EXPORT_ADDR', 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR'],
    ['RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDRESS', 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR'],
    ['RAY_DASHBOARD_AGGREGATOR_AGENT_EXPORT_ADDR', 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR'],
    ['DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR', 'RAY_DASHBOARD_AGGREGATOR_AGENT_EVENTS_EXPORT_ADDR'],
    ['RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENTS_TYPES', 'RAY_DASHBOARD_AGGREGATOR_AGENT_EXPOSABLE_EVENT_TYPES'],
    ['RAY_SERVE_ENABLE_TASK_EVENT', 'RAY_SERVE_ENABLE_TASK_EVENTS'],
    ['RAY_ADRESS', 'RAY_ADDRESS'],
  ])('%s is reported as a typo of %s', (name, meant) => {
    expect(misspeltRayVariables([name])).toEqual([{ name, meant }]);
  });

  it.each([
    'RAY_enable_ray_event',
    'RAY_enable_task_events_to_dashboard_head',
    'RAY_enable_core_worker_task_event_to_gcs',
    'RAY_enable_export_api_write',
    'RAY_enable_timeline',
    'RAY_ray_events_report_interval_ms',
    'RAY_task_events_send_batch_size',
    'RAY_ENABLE_PYTHON_RAY_EVENT_TYPES',
    'RAY_DASHBOARD_AGGREGATOR_AGENT_PUBLISHER_MAX_BUFFER_SEND_INTERVAL_SECONDS',
    'RAY_DASHBOARD_AGGREGATOR_AGENT_MAX_EVENT_BUFFER_SIZE',
    'RAY_AUTH_MODE',
    'RAY_JOB_ID',
    'ARRAY_ADDRESS',
    'ADDRESS',
  ])('%s is not a typo', (name) => {
    expect(misspeltRayVariables([name])).toEqual([]);
  });

  it('the number of reported typos has a limit', () => {
    const names = Array.from({ length: MAX_MISSPELT + 5 }, (_, index) => `RAY_enable_ray_event${String.fromCodePoint(65 + index)}`);
    expect(misspeltRayVariables(names)).toHaveLength(MAX_MISSPELT);
  });

  it('only the names of an environment are read, not its values', () => {
    expect(namesOfEnviron('A=1\0RAY_X=b=c\0broken\0')).toEqual(['A', 'RAY_X', '', '']);
  });
});
