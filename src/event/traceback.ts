import type { TaskError } from './ray-event.ts';

/** The exception that the user code raised, without Ray's wrappers. */
export interface RaisedException {
  /** Class as Python and Java print it: `ValueError`, `java.lang.IllegalStateException`. */
  readonly type: string;
  readonly message: string;
}

/**
 * Ray's prefix of a user exception: `store_task_errors` of `_raylet.pyx`, then
 * `TaskManager::FailPendingTask`.
 */
const USER_EXCEPTION = /^(?:CreationTaskError: )?User exception:\n/;
const SYSTEM_ERROR = '\n\nSystem error:\n';
/**
 * Prefix of the complete traceback of a failed `__init__`. Ray cuts the text after `User
 * exception:` to its last 500 characters.
 */
const WHOLE_OF_CREATION = `${SYSTEM_ERROR}CreationTaskError: Exception raised from an actor init method. Traceback: `;
const CREATION_ERROR = 'The actor died because of an error raised in its creation task, ';

/** Lines above an exception in a traceback: Ray's head, Python's head, a frame, its carets. */
const HEAD = /^(?:The actor died because of an error raised in its creation task, )?(?:ray::.*|\S+)\(\) \(pid=\d+/;
const PYTHON_HEAD = 'Traceback (most recent call last):';
const FRAME = /^ *File ".*", line \d+/;
const CARETS = /^[ \t]+[\^~]+\s*$/;
/** Python's line between two exceptions of a chain. */
const CHAIN =
  /^(?:During handling of the above exception, another exception occurred|The above exception was the direct cause of the following exception):$/;

const NAME = String.raw`(?:[\p{L}_][\p{L}\p{N}_$]*|<locals>)`;
/** `ValueError: text`, a bare `KeyboardInterrupt`, `ray.exceptions.RayTaskError(ValueError): text`. */
const EXCEPTION = new RegExp(String.raw`^(${NAME}(?:\.${NAME})*(?:\([\w.]*\))?)(?::[ \n]([\s\S]*)|:)?$`, 'u');
/** Names that mark an exception even without a frame above it. */
const OBVIOUS = /^[\w.]*(?:Error|Exception|Interrupt|Exit|ExceptionGroup)(?:: |$)/;

/** Ray's exceptions that wrap a user exception. */
const WRAPPER = /^ray\.exceptions\.(?:RayTaskError(?:\((.*)\))?|ActorDiedError|RayActorError|CrossLanguageError)$/;
const OTHER_LANGUAGE = /^An exception raised from [A-Z]+:\n/;
const JAVA_WRAPPER = /^(?:io\.ray\.|java\.lang\.reflect\.InvocationTargetException$|java\.util\.concurrent\.ExecutionException$)/;
const JAVA_FRAME = /^[ \t]+at [\w.$<>/]+\(.*\)$/;
const JAVA_CAUSE = 'Caused by: ';

/**
 * Frames and exceptions of a group follow a bar. This line begins the members of the outermost
 * group.
 */
const GROUP_LINE = /^ *[|+]/;
const GROUP_MEMBERS = /^ {2}\+-\+-/;
const GROUP_BAR = '  | ';
const MEMBER_LINE = /^ *\+-\+?-+ \d+ -+$/;
const BARS = /^ *\| ?/;

/** Wrappers nested deeper are not opened. */
const MAX_WRAPPERS = 20;

/** Returns the traceback in an error message, without the text that Ray adds around it. */
export function tracebackOf({ message }: TaskError): string {
  const prefix = USER_EXCEPTION.exec(message)?.[0];
  if (prefix === undefined) return message;
  const whole = message.indexOf(WHOLE_OF_CREATION);
  if (whole !== -1) return withoutPrefix(message.slice(whole + WHOLE_OF_CREATION.length), CREATION_ERROR);
  const end = message.lastIndexOf(SYSTEM_ERROR);
  return message.slice(prefix.length, end === -1 ? undefined : end);
}

function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

/**
 * Returns the exception that a text reports. Undefined without a traceback, or when Ray cut all of
 * it but the message.
 */
export function raisedIn(text: string): RaisedException | undefined {
  return unwrapped(readText(text));
}

/** Returns the exception that a task error reports. */
export function raisedInError(error: TaskError): RaisedException | undefined {
  const traceback = tracebackOf(error);
  const raised = raisedIn(traceback);
  if (raised !== undefined || traceback === error.message || !OBVIOUS.test(traceback)) return raised;
  return readException(traceback.split('\n'));
}

/** Returns the user's exception inside Ray's wrappers. */
export function unwrapped(raised: RaisedException | undefined): RaisedException | undefined {
  let found = raised;
  for (let depth = 0; depth < MAX_WRAPPERS && found !== undefined; depth += 1) {
    const wrapper = WRAPPER.exec(found.type);
    if (wrapper === null) break;
    const inner = readText(found.message.replace(OTHER_LANGUAGE, ''));
    if (inner === undefined) {
      const [, type] = wrapper;
      return type === undefined || type === '' ? found : { type, message: found.message };
    }
    found = inner;
  }
  return found;
}

function readText(text: string): RaisedException | undefined {
  const lines = text.trimEnd().split('\n');
  if (GROUP_LINE.test(lines.at(-1) ?? '')) return readGroup(lines);
  return readPython(lines) ?? readJava(lines);
}

/**
 * Reads each block of a chain: frames, the exception, and its message up to the next block. The
 * last block is the exception that was raised in the end.
 */
function readPython(lines: readonly string[]): RaisedException | undefined {
  let last: RaisedException | undefined;
  let index = 0;
  while (index < lines.length) {
    while (index < lines.length && !isAbove(lines[index])) index += 1;
    while (index < lines.length && (isAbove(lines[index]) || isIndented(lines[index]))) index += 1;
    const start = index;
    while (index < lines.length && !CHAIN.test(lines[index] ?? '')) index += 1;
    if (start < lines.length) last = readException(lines.slice(start, index)) ?? last;
  }
  return last;
}

function isAbove(line = ''): boolean {
  return line.startsWith(PYTHON_HEAD) || FRAME.test(line) || CARETS.test(line) || HEAD.test(line);
}

function isIndented(line = ''): boolean {
  return line === '' || line.startsWith(' ') || line.startsWith('\t');
}

function readException(lines: readonly string[]): RaisedException | undefined {
  const [, type, message] = EXCEPTION.exec(lines.join('\n').trimEnd()) ?? [];
  return type === undefined ? undefined : { type, message: message ?? '' };
}

/**
 * Reads an exception group of Python 3.11 and later. If Ray cut off the group itself, its last
 * member becomes the message.
 */
function readGroup(lines: readonly string[]): RaisedException | undefined {
  const members = lines.findIndex((line) => GROUP_MEMBERS.test(line));
  if (members !== -1) {
    const headLines = lines.slice(0, members).filter((line) => line.startsWith(GROUP_BAR));
    const group = readPython(headLines.map((line) => line.slice(GROUP_BAR.length))) ?? readException(headLines.slice(-1).map(withoutBars));
    if (group !== undefined) return group;
  }
  const from = lines.findLastIndex((line) => MEMBER_LINE.test(line));
  const member = lines.slice(from + 1).filter((line) => line.includes('|'));
  const raised = readPython(member.map(withoutBars)) ?? readException(member.map(withoutBars));
  return { type: 'ExceptionGroup', message: raised === undefined ? '' : exceptionLine(raised) };
}

function withoutBars(line: string): string {
  return line.replace(BARS, '');
}

/** Reads the outermost Java exception that is not a wrapper of Ray or reflection. */
function readJava(lines: readonly string[]): RaisedException | undefined {
  let causes = lines;
  for (let depth = 0; depth < MAX_WRAPPERS; depth += 1) {
    const frame = causes.findIndex((line) => JAVA_FRAME.test(line));
    if (frame === -1) return undefined;
    const raised = readException(causes.slice(0, frame));
    const cause = causes.findIndex((line) => line.startsWith(JAVA_CAUSE));
    if (cause === -1 || (raised !== undefined && !JAVA_WRAPPER.test(raised.type))) return raised;
    causes = [(causes[cause] ?? '').slice(JAVA_CAUSE.length), ...causes.slice(cause + 1)];
  }
  return undefined;
}

/** Formats type and message as one line, for a status or a list. */
export function exceptionLine({ type, message }: { readonly type?: string | undefined; readonly message: string }): string {
  const line = firstLine(message);
  return type === undefined ? line : line === '' ? type : `${type}: ${line}`;
}

/** Summarises a text of Ray in one line: its exception, or else its first line. */
export function reasonLine(text: string): string {
  const raised = raisedIn(text);
  return raised === undefined ? firstLine(text) : exceptionLine(raised);
}

/** Returns the first non-empty line. */
function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? '';
}
