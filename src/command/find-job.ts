import { failure, printable, type Result, success } from '../runtime/index.ts';
import type { JobRow, JobsAnswer } from '../view/index.ts';
import type { ViewClient } from './view-client.ts';
import { momentText } from './view-text.ts';

/** Which job a command is about. */
export interface WantedJob {
  /** Id, name or submission id. */
  readonly job: string | undefined;
  readonly session: string | undefined;
  /** The newest of those that match. */
  readonly isLatest: boolean;
}

export interface FoundJob {
  readonly job: string;
  readonly session: string;
}

/** Finds the job that an id, a name or a submission id means. A problem names the candidates. */
export async function findJob(client: ViewClient, wanted: WantedJob): Promise<Result<FoundJob>> {
  const asked = await client.ask<JobsAnswer>('jobs');
  if (!asked.ok) return asked;
  const { jobs } = asked.value;
  const { job: id, session, isLatest } = wanted;
  const inSession = jobs.filter((row) => session === undefined || row.session === session);
  const candidates = id === undefined ? inSession.filter((row) => !row.isInternal) : matching(inSession, id);
  if (candidates.length === 0) return failure(missingText(id, jobs));
  const [only] = isLatest ? candidates.toSorted((a, b) => (b.startMs ?? 0) - (a.startMs ?? 0)) : candidates;
  if (only !== undefined && (isLatest || candidates.length === 1)) return success({ job: only.job, session: only.session });
  return failure(
    `${id === undefined ? 'several jobs' : `several jobs match ${printable(id)}`}:\n${candidateLines(candidates)}\nname one with --session, or take the newest with --latest`,
  );
}

/** Ids match before names, so that a job whose name is another one's id hides nothing. */
function matching(jobs: readonly JobRow[], wanted: string): readonly JobRow[] {
  const byId = jobs.filter(({ job }) => job === wanted.toLowerCase());
  return byId.length > 0 ? byId : jobs.filter(({ name, submissionId }) => name === wanted || submissionId === wanted);
}

function candidateLines(jobs: readonly JobRow[]): string {
  return jobs
    .map(({ job, session, name, startMs }) => `  ${job}  ${printable(session)}  ${momentText(startMs)}  ${printable(name)}`)
    .join('\n');
}

function missingText(id: string | undefined, jobs: readonly JobRow[]): string {
  if (jobs.length === 0) return 'the bridge knows no job yet (job_not_found)';
  return `${id === undefined ? 'no such job' : `no job ${printable(id)}`}: it never reported here, or it ended and is no longer kept (job_not_found). See: ray-otel-bridge jobs`;
}
