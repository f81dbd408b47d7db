import type { Scheduler } from '../runtime/index.ts';
import { findCriticalPath } from './critical-path.ts';
import { describeAttempt } from './describe.ts';
import { describeCriticalPath, describeRollup } from './describe-tree.ts';
import type { ViewModel } from './model.ts';
import { Pace } from './pace.ts';
import { type Query, type Read, readFilter, readOrder, readPage, readExpandedKeys } from './query.ts';
import { Recent } from './recent.ts';
import type { AttemptView, JobView } from './records.ts';
import { refuseRead } from './refusal.ts';
import { SessionNow } from './session-now.ts';
import { collectTasks, selectTasks, selectTree, type SelectedTree } from './select.ts';
import type { AttemptsAnswer, CriticalPathAnswer, TreeAnswer } from './shapes.ts';
import type { SelectedTask } from './tree.ts';

/**
 * Maximum tasks that the search for a critical path examines: ended tasks first, then open ones.
 */
const DEFAULT_MAX_PATH_TASKS = 50_000;
const DEFAULT_MAX_SEARCHES = 8;

export interface TaskAnswersOptions {
  readonly model: ViewModel;
  readonly scheduler: Scheduler;
  readonly now: () => number;
  readonly sinceMs: () => number;
  readonly traceUrl: string | undefined;
  /** Default 8. */
  readonly maxSearches?: number;
  /** Default 50,000. */
  readonly maxPathTasks?: number;
}

export interface TaskAnswers {
  readonly list: (job: JobView, query: Query) => Promise<Read<AttemptsAnswer>>;
  readonly tree: (job: JobView, query: Query) => Promise<Read<TreeAnswer>>;
  readonly criticalPath: (job: JobView) => Promise<Read<CriticalPathAnswer>>;
}

/**
 * Answers that examine all tasks of a job. At most `maxSearches` run at once, each in time slices.
 */
export function createTaskAnswers(options: TaskAnswersOptions): TaskAnswers {
  const { model, now, scheduler, sinceMs, traceUrl, maxSearches = DEFAULT_MAX_SEARCHES, maxPathTasks = DEFAULT_MAX_PATH_TASKS } = options;
  const lists = new Recent<readonly SelectedTask[]>();
  const trees = new Recent<SelectedTree>();
  const paths = new Recent<CriticalPathAnswer>();
  let searches = 0;

  async function searching<Value>(search: () => Promise<Value>): Promise<Read<Value>> {
    if (searches >= maxSearches) return refuseRead('view_busy', 'too many searches are running');
    searches += 1;
    try {
      return { ok: true, value: await search() };
    } finally {
      searches -= 1;
    }
  }

  function timesOf({ nowMs }: SessionNow): { readonly nowMs: number; readonly since: number } {
    return { nowMs, since: sinceMs() };
  }

  function found<Value extends object>(recent: Recent<Value>, job: JobView, key: unknown, make: () => Promise<Value>): Promise<Value> {
    return recent.find(JSON.stringify([job.session.name, job.id, key]), model.version, now(), make);
  }

  async function list(job: JobView, query: Query): Promise<Read<AttemptsAnswer>> {
    const filter = readFilter(query);
    const page = readPage(query);
    const order = readOrder(query);
    if (!filter.ok) return filter;
    if (!page.ok) return page;
    if (!order.ok) return order;
    return searching(async () => {
      const selected = await found(lists, job, [filter.value, order.value], () => selectTasks(job, filter.value, order.value, scheduler));
      const { offset, limit } = page.value;
      const sessionNow = new SessionNow(job.session, now());
      return {
        ...timesOf(sessionNow),
        total: selected.length,
        offset,
        tasks: selected.slice(offset, offset + limit).map(({ attempt, depth }) => ({
          ...describeAttempt(attempt, sessionNow, traceUrl),
          ...(order.value === 'tree' ? { depth } : {}),
        })),
        ...extentOf(
          selected.map(({ attempt }) => attempt),
          sessionNow,
        ),
        withoutRow: job.withoutRow + job.untracked,
      };
    });
  }

  async function tree(job: JobView, query: Query): Promise<Read<TreeAnswer>> {
    const page = readPage(query);
    const expanded = readExpandedKeys(query);
    if (!page.ok) return page;
    if (!expanded.ok) return expanded;
    return searching(async () => {
      const treeOptions = { expanded: expanded.value };
      const { rows, tasks } = await found(trees, job, [...expanded.value].toSorted(), () => selectTree(job, treeOptions, scheduler));
      const { offset, limit } = page.value;
      const sessionNow = new SessionNow(job.session, now());
      return {
        ...timesOf(sessionNow),
        total: rows.length,
        tasks: tasks.length,
        offset,
        rows: rows
          .slice(offset, offset + limit)
          .map((row) =>
            'attempt' in row
              ? { depth: row.depth, task: describeAttempt(row.attempt, sessionNow, traceUrl) }
              : { depth: row.depth, fold: describeRollup(row, sessionNow) },
          ),
        ...extentOf(tasks, sessionNow),
        withoutRow: job.withoutRow + job.untracked,
      };
    });
  }

  async function criticalPath(job: JobView): Promise<Read<CriticalPathAnswer>> {
    return searching(() =>
      found(paths, job, undefined, async () => {
        const pace = new Pace(scheduler);
        const tasks = await collectTasks(job, pace);
        const sessionNow = new SessionNow(job.session, now());
        const times = timesOf(sessionNow);
        const isOver = !Number.isNaN(job.endMs);
        const endMs = isOver ? job.endMs : times.nowMs;
        const startMs = Number.isNaN(job.startMs) ? (extentOf(tasks, sessionNow).firstMs ?? endMs) : job.startMs;
        const path = await findCriticalPath({ tasks, startMs, endMs, isOver, maxTasks: maxPathTasks }, pace);
        return { ...times, isOver, startMs, endMs, ...describeCriticalPath(job, path) };
      }),
    );
  }

  return { list, tree, criticalPath };
}

/** The earliest start and the latest end. */
function extentOf(attempts: readonly AttemptView[], now: SessionNow): { readonly firstMs?: number; readonly lastMs?: number } {
  let firstMs: number | undefined;
  let lastMs: number | undefined;
  for (const attempt of attempts) {
    const { startMs } = attempt;
    if (Number.isNaN(startMs)) continue;
    const ms = now.untilMs(attempt);
    if (firstMs === undefined || startMs < firstMs) firstMs = startMs;
    if (lastMs === undefined || ms > lastMs) lastMs = ms;
  }
  return { ...(firstMs === undefined ? {} : { firstMs }), ...(lastMs === undefined ? {} : { lastMs }) };
}
