import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rawEvent, rawLifecycle, TASK_ID } from '../support/raw-events.ts';
import { decodeEvent, exceptionLine, exceptionOf, type ProfileEntry, reasonLine, type TaskError } from '../../src/event/index.ts';

// Errors that Ray 2.60.0 sent, with other host paths. Each task failed on purpose in a different
// way.
interface SentError {
  readonly error: Readonly<Record<string, unknown>>;
  readonly profile: readonly { readonly eventName: string; readonly type: string; readonly value: string; readonly traceback: string }[];
}

const SENT = JSON.parse(readFileSync(new URL('../fixtures/errors-ray-2.60.0.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, SentError>
>;

function decodeError(error: object): TaskError {
  const decoded = decodeEvent(rawLifecycle({ stateTransitions: [], rayErrorInfo: error }));
  if (!decoded.ok || decoded.event.type !== 'task_lifecycle' || decoded.event.error === undefined) throw new Error('no error decoded');
  return decoded.event.error;
}

function decodeProfile(entries: SentError['profile']): readonly ProfileEntry[] {
  const events = entries.map(({ eventName, ...extra }) => ({
    eventName,
    startTime: '1795480387797844267',
    endTime: '1795480387797844269',
    extraData: JSON.stringify(extra),
  }));
  const payload = { taskId: TASK_ID, attemptNumber: 0, profileEvents: { componentType: 'worker', events } };
  const decoded = decodeEvent(rawEvent('TASK_PROFILE_EVENT', 'taskProfileEvents', payload));
  if (!decoded.ok || decoded.event.type !== 'task_profile') throw new Error('no profile decoded');
  return decoded.event.entries;
}

const user = (message: string): TaskError => ({ errorType: 'TASK_EXECUTION_EXCEPTION', message: `User exception:\n${message}` });

/** The raised exception, and the part that is known without profile events when that is less. */
const RAISED: readonly (readonly [task: string, raised: string, withoutProfile?: string])[] = [
  ['e_plain', 'ValueError: plain'],
  ['e_empty', 'ValueError'],
  ['e_custom', 'MyErr: custom: with colon'],
  ['e_module', 'json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'],
  ['e_multi', 'RuntimeError: first line'],
  ['e_from', "KeyError: 'k'"],
  ['e_during', 'FileNotFoundError: [Errno 2] No such thing'],
  ['e_note', 'ValueError: noted'],
  ['e_unpick', 'Unpick: a'],
  ['e_badstr', 'RuntimeError: str fails'],
  ['e_syntax', 'SyntaxError: invalid syntax (<string>, line 1)', 'SyntaxError: invalid syntax'],
  ['e_nested', 'ValueError: plain'],
  ['e_arg', 'ValueError: plain'],
  ['e_group', 'ExceptionGroup: several (3 sub-exceptions)'],
  ['e_ret', "TypeError: cannot pickle '_thread.lock' object"],
  ['e_two', "TypeError: object of type 'int' has no len()"],
  ['e_ansi', 'RuntimeError: red plain'],
  ['e_long', `RuntimeError: ${'L'.repeat(700)}`, 'L'.repeat(500)],
  ['e_longmulti', 'RuntimeError: line 0 of a long message: x', 'sage: x'],
  ['e_deep', 'ValueError: deep bottom'],
  ['e_recursion', 'RecursionError: maximum recursion depth exceeded'],
  ['e_assert', 'AssertionError'],
  ['e_sgen', 'ValueError: sgen breaks'],
  ['G.gen', 'ValueError: actor gen breaks'],
  ['AS.sgen', 'ValueError: async sgen breaks'],
  ['AS.bad', 'MyErr: async bad'],
  ['AS.group', 'ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)', 'ExceptionGroup: ValueError: t2'],
  ['A.bad', "KeyError: 'nope'"],
  ['B.__init__', 'ValueError: init broke'],
  ['B.hi', 'ValueError: init broke'],
  ['B.__init__ chained', 'MyErr: init chained'],
  ['B.hi chained', 'MyErr: init chained'],
];

describe('reading the exception of a task error', () => {
  it('every error of the fixture has a row in this test', () => {
    expect(RAISED.map(([task]) => task).toSorted()).toEqual(Object.keys(SENT).toSorted());
  });

  it.each(RAISED.map(([task, raised, other = raised]) => [task, raised, other] as const))(
    'the exception of the error %s is the one that the task raised',
    (task, raised, withoutProfile) => {
      const sent = SENT[task];
      if (sent === undefined) throw new Error('not in the fixture');
      const error = decodeError(sent.error);
      const whole = exceptionOf(error, decodeProfile(sent.profile));
      expect(exceptionLine(whole ?? { message: '' })).toBe(raised);
      expect(exceptionLine(exceptionOf(error, []) ?? { message: '' })).toBe(withoutProfile);
      expect(whole?.stacktrace ?? '').not.toContain('User exception:');
      expect(whole?.stacktrace ?? '').toContain(whole?.type?.split('.').at(-1) ?? '');
    },
  );

  it('a message keeps all its lines, including those that look like a traceback', () => {
    const message = 'first line\n  indented second\nThird: looks like a type\n\nafter blank';
    expect(exceptionOf(decodeError(SENT['e_multi']?.error ?? {}), [])).toMatchObject({ type: 'RuntimeError', message });
  });

  it('an error without a profile event has no exception type when Ray cut the text inside the message', () => {
    expect(exceptionOf(decodeError(SENT['e_long']?.error ?? {}), [])).toEqual({ message: 'L'.repeat(500) });
    expect(exceptionOf(decodeError(SENT['e_longmulti']?.error ?? {}), [])?.type).toBeUndefined();
  });

  it('a failed __init__ has the complete traceback, which follows the cut one', () => {
    const { stacktrace } = exceptionOf(decodeError(SENT['B.__init__ chained']?.error ?? {}), []) ?? {};
    expect(stacktrace).toMatch(/^ray::B\.__init__\(\)/);
    expect(stacktrace).toContain('ZeroDivisionError');
  });

  it('the exception of a function is read inside the wrapper of Ray Data', () => {
    const error = user(
      'as the direct cause of the following exception:\n\nray::ReadRange->MapBatches(add_column)() (pid=3583, ip=192.0.2.2)\n' +
        'ray.exceptions.UserCodeException: UDF failed to process a data block.\nFailed after 1/1 attempts.',
    );
    expect(exceptionOf(error, [])).toMatchObject({
      type: 'ray.exceptions.UserCodeException',
      message: 'UDF failed to process a data block.\nFailed after 1/1 attempts.',
    });
  });

  it.each([
    ['a class of a function', 'ray::f() (pid=1, ip=1.2.3.4)\n__main__.make.<locals>.Inner: oh', 'make.<locals>.Inner', 'oh'],
    ['a name with a blank', 'ray::my task() (pid=1, ip=1.2.3.4)\nValueError: oh', 'ValueError', 'oh'],
    ['a message that is a traceback', `${HEAD()}\nRuntimeError: worker said:\n${HEAD()}\nValueError: inner`, 'RuntimeError', undefined],
    ['an exception of another alphabet', `${HEAD()}\nFehlerÜber: ü`, 'FehlerÜber', 'ü'],
    ['an error of Ray around another, which is gone', `${HEAD()}\nray.exceptions.RayTaskError(MyErr): gone`, 'MyErr', 'gone'],
    ['no traceback at all', 'ValueError: oh', 'ValueError', 'oh'],
  ])('an exception is read from %s', (_, text, type, message) => {
    const found = exceptionOf(user(text), []);
    expect(found?.type).toMatch(new RegExp(`${type}$`));
    if (message !== undefined) expect(found?.message).toBe(message);
  });

  it('a Java exception is the outermost one that is not a wrapper of Ray, in the Java task and in its Python caller', () => {
    const java =
      'io.ray.runtime.exception.RayTaskException: (pid=7, ip=192.0.2.2) Error executing task 01\n\tat io.ray.runtime.task.TaskExecutor.execute(TaskExecutor.java:244)\n' +
      'Caused by: java.lang.IllegalStateException: no such row\n\tat com.example.Job.run(Job.java:12)\nCaused by: java.io.IOException: disk\n\tat com.example.Disk.read(Disk.java:3)';
    const expected = { type: 'java.lang.IllegalStateException', message: 'no such row' };
    expect(exceptionOf(user(java), [])).toMatchObject({ ...expected, stacktrace: java });
    expect(exceptionOf(user(`${HEAD()}\nray.exceptions.CrossLanguageError: An exception raised from JAVA:\n${java}`), [])).toMatchObject(
      expected,
    );
  });

  it('an error without an exception has only a message', () => {
    const message = 'RpcError: RPC error: Socket closed rpc_code: 14';
    expect(exceptionOf({ errorType: 'WORKER_DIED', message }, [])).toEqual({ message });
  });

  it.each([
    ['lines without an end', 'x\n'.repeat(200_000)],
    ['blank lines', '\n'.repeat(400_000)],
    ['spaces', ' '.repeat(400_000)],
    ['carets', '  ^'.repeat(150_000)],
    ['frames', '  File "a", line 1\n'.repeat(30_000)],
    ['chains', `\nDuring handling of the above exception, another exception occurred:\n`.repeat(8_000)],
    ['causes', `\tat a(b)\nCaused by: io.ray.X: y\n`.repeat(20_000)],
    ['wrappers', `ray::f() (pid=1\nray.exceptions.RayTaskError: `.repeat(10_000)],
    ['members of a group', `  | x\n  +-+---------------- 1 ----------------\n`.repeat(10_000)],
  ])('the exception in half a MiB of %s is found without backtracking', (_, text) => {
    expect(() => exceptionOf(user(text), [])).not.toThrow();
  });
});

describe('summarising a text of Ray in one line', () => {
  it('the summary of a death is its exception, or else its first line', () => {
    expect(reasonLine('The actor is dead because it was killed by `ray.kill`.\nmore')).toBe(
      'The actor is dead because it was killed by `ray.kill`.',
    );
    const died = JSON.stringify(SENT['B.hi']?.error);
    const context: unknown = JSON.parse(died);
    expect(context).toHaveProperty('actorDiedError.creationTaskFailureContext.formattedExceptionString');
    expect(reasonLine(decodeError(SENT['B.hi']?.error ?? {}).message)).toBe('ValueError: init broke');
    expect(reasonLine('\n\n  second')).toBe('  second');
    expect(reasonLine('')).toBe('');
  });
});

function HEAD(): string {
  return 'ray::f() (pid=1, ip=192.0.2.2)\n  File "/app/a.py", line 3, in f\n    raise X';
}
