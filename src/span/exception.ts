import type { ProfileEntry, TaskError } from '../event/index.ts';

export interface ExceptionFacts {
  readonly type?: string;
  readonly message: string;
  readonly stacktrace?: string;
}

const FRAME = /^ {2}File "/;
/** `ValueError: text`, or a bare `KeyboardInterrupt`, at the start of a line. */
const LAST_LINE = /^([A-Za-z_][\w.]*)(?:: ([\s\S]*))?$/;
const SYSTEM_ERROR = '\n\nSystem error:';

/**
 * What an attempt failed with. Ray's profiler tells type and message; else they stand at the end of the traceback in the
 * error's message (`User exception:`, frames, `ValueError: text`).
 */
export function exceptionOf(error: TaskError | undefined, profile: readonly ProfileEntry[]): ExceptionFacts | undefined {
  const recorded =
    profile.findLast((entry) => entry.exceptionType !== undefined && entry.name.startsWith('task:execute')) ??
    profile.find((entry) => entry.exceptionType !== undefined);
  if (recorded?.exceptionType !== undefined && (error === undefined || error.errorType === 'TASK_EXECUTION_EXCEPTION')) {
    const stacktrace = error?.message ?? recorded.exceptionStacktrace;
    return { type: recorded.exceptionType, message: recorded.exceptionMessage ?? '', ...(stacktrace === undefined ? {} : { stacktrace }) };
  }
  if (error === undefined) return undefined;
  const end = error.message.indexOf(SYSTEM_ERROR);
  return fromTraceback(end === -1 ? error.message : error.message.slice(0, end)) ?? { message: error.message };
}

function fromTraceback(text: string): ExceptionFacts | undefined {
  const lines = text.split('\n');
  const lastFrame = lines.findLastIndex((line) => FRAME.test(line));
  if (lastFrame === -1) return undefined;
  const first = lines.findIndex((line, index) => index > lastFrame && line !== '' && !line.startsWith(' '));
  if (first === -1) return undefined;
  const match = LAST_LINE.exec(lines.slice(first).join('\n').trimEnd());
  return match?.[1] === undefined ? undefined : { type: match[1], message: match[2] ?? '', stacktrace: text };
}

/** One line for the span's status. */
export function statusMessage({ type, message }: ExceptionFacts): string {
  const line = message.split('\n', 1)[0] ?? '';
  return type === undefined ? line : line === '' ? type : `${type}: ${line}`;
}
