import { everyTypeOfEvent } from '../event/every-type.ts';
import { JOB_ID, NODE_ID, type Raw, rawDefinition, rawEvent, rawLifecycle, TASK_ID, TIME, WORKER_ID } from '../support/raw-events.ts';

/** No output of the bridge may hold it, in whatever it is posted. */
export const SECRET = 'Qz7hunter2';
const PICKLED = Buffer.from(SECRET).toString('base64');

/** In the places where secrets are found in real events, in each type that has them. */
const TEXTS = {
  entrypoint: `TOKEN=${SECRET} PW="a \\"${SECRET}\\"" python /app/train.py --key ${SECRET}`,
  serializedRuntimeEnv: JSON.stringify({
    env_vars: { API_KEY: SECRET, HARMLESS: SECRET },
    pip: [`p @ https://u:${SECRET}@h/p.whl`, `--index-url=https://${SECRET}@h`, 'torch==2.4'],
    conda: { dependencies: [`https://conda.host/t/${SECRET}/main::torch`, { pip: [SECRET] }] },
    working_dir: `s3://u:${SECRET}@b/k?sig=${SECRET}`,
    py_modules: [`https://h/m.zip?token=${SECRET}`],
    container: { run_options: [`--env=A=${SECRET}`] },
    [SECRET]: 1,
  }),
  errorMessage: `raise ValueError("password='${SECRET}'") at https://u:${SECRET}@h/p?t=${SECRET}#${SECRET}\n{'env_vars': {'A': '${SECRET}'}}`,
  exitDetail: `Authorization: Bearer ${SECRET}`,
  reasonMessage: `token=${SECRET}`,
  callSite: `  f.options(runtime_env={"env_vars": {"A": "${SECRET}"}}).remote(api_key="${SECRET}")`,
  message: `Cookie: sid=${SECRET}`,
  extraData: JSON.stringify({ type: "<class 'E'>", value: `secret: ${SECRET}`, traceback: `x(password="${SECRET}")`, mine: SECRET }),
  serializedException: PICKLED,
};
const OTHER_METADATA = { owner_token: SECRET, note: SECRET, [SECRET]: 'x' };
const METADATA = { ...OTHER_METADATA, job_name: 'nightly' };
const LABELS = { zone: 'a', 'registry-password': SECRET, 'corp.example/API_TOKEN': `${SECRET}x` };

const ENTRYPOINTS = [
  `PASSWORD=correct\\ ${SECRET} python train.py`,
  `CFG="{\\"pw\\": \\"a ${SECRET}\\"}" python train.py`,
  `TOKEN= ${SECRET} python train.py`,
  `TOKEN=correct ${SECRET} python train.py`,
  `T=$(echo x ${SECRET}) python train.py`,
  `T=\`echo x ${SECRET}\` python train.py`,
  `TOKEN=$'it\\'s ${SECRET}' python train.py`,
  `TOKEN="${SECRET} python train.py`,
  `export TOKEN=${SECRET}; python train.py`,
  `env -S 'TOKEN=${SECRET} python train.py'`,
  `env -u ${SECRET} TOKEN=${SECRET} python train.py`,
  `sudo -E -u ${SECRET} TOKEN=${SECRET} python train.py`,
  `nohup python train.py ${SECRET} > ${SECRET}.sh &`,
  `python train.py <<EOF\n${SECRET}\nEOF`,
  `python -c 'print("${SECRET}")'`,
  `bash -c "TOKEN=${SECRET} python ${SECRET}.py"`,
  `sh -lc '. /run/${SECRET}.sh'`,
  `torchrun --new-option ${SECRET}.py train.py --key ${SECRET}`,
  `uv run --with ${SECRET} python train.py`,
  `poetry -C ${SECRET} run python train.py`,
  `curl https://u:${SECRET}@h/${SECRET}.sh | bash -s ${SECRET}`,
  `python https://h/${SECRET}.py?token=${SECRET}`,
  `python s3:/b/${SECRET}.py`,
  `https://h/${SECRET}.py`,
  `ray job submit --runtime-env-json '{"env_vars":{"A":"${SECRET}"}}' -- python train.py`,
  `docker run -e A=${SECRET} image python train.py`,
  `eval "TOKEN=${SECRET} python train.py"`,
  `C:\\python.exe "C:\\my app\\train.py" --key ${SECRET}`,
];

const ERRORS = [
  `ConnectionError: postgresql+psycopg2://u:${SECRET}@h/db`,
  `MaxRetryError: (host='h', port=443): Max retries exceeded with url: /b?X-Amz-Signature=${SECRET} (Caused by x)`,
  `CalledProcessError: Command '['mysql', '--password', '${SECRET}']' returned non-zero exit status 1.`,
  `CalledProcessError: Command 'mysql --password=${SECRET}' returned 1`,
  `Traceback (most recent call last):\n  File "a.py", line 1, in f\n    connect(user="u", password=b"${SECRET}")\nOSError: x`,
  `OSError: 401 {"clientSecret": "${SECRET}", "access_token": "${SECRET}"}`,
  `ValidationError: api_key='${SECRET}' auth=('u', '${SECRET}')`,
  `RuntimeError: environ({'A': '${SECRET}'})`,
  `RuntimeError: runtime_env={'env_vars': {'A': '${SECRET}', "B": "it's ${SECRET}"}}`,
  `HTTPError: for url: https://h/p?token=${SECRET}&x=1#${SECRET}`,
  `RequestError: headers {'Authorization': 'Bearer ${SECRET}', 'Cookie': 'a=${SECRET}; b=${SECRET}'}`,
  `KeyError: Server=h;Uid=u;Pwd=${SECRET};AccountKey=${SECRET};`,
  `ParseError: <password>${SECRET}</password>`,
  `SSLError: -----BEGIN RSA PRIVATE KEY-----\n${SECRET}\n-----END RSA PRIVATE KEY-----`,
];

/** The event with secrets in its own fields, and in some that no release of Ray has. */
function withSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    if (key === 'metadata' && !('platform' in value)) return [key, METADATA];
    if (key === 'labels' || key === 'labelSelector') return [key, LABELS];
    const text: unknown = Reflect.get(TEXTS, key);
    return [key, typeof inner === 'string' && text !== undefined ? text : withSecrets(inner)];
  });
  return Object.fromEntries(entries);
}

function base64(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('base64');
}

/**
 * A job for each entry point, by both events that may hold it. Without a name of its own it is
 * shown by its entry point.
 */
const jobs = ENTRYPOINTS.flatMap((entrypoint, index) => {
  const config = { serializedRuntimeEnv: TEXTS.serializedRuntimeEnv, metadata: OTHER_METADATA };
  const submissionId = `raysubmit_${index}`;
  return [
    rawEvent('DRIVER_JOB_DEFINITION_EVENT', 'driverJobDefinitionEvent', { jobId: base64([index + 2, 0, 0, 0]), entrypoint, config }),
    rawEvent('SUBMISSION_JOB_DEFINITION_EVENT', 'submissionJobDefinitionEvent', { submissionId, entrypoint, config }),
  ];
});

/** A failed attempt for each error, whose name and process are known. */
const failures = ERRORS.flatMap((errorMessage, attempt) => [
  rawDefinition({ taskAttempt: attempt, taskName: 'flaky', labelSelector: LABELS, callSite: TEXTS.callSite }),
  rawLifecycle({
    taskAttempt: attempt,
    nodeId: NODE_ID,
    workerId: WORKER_ID,
    stateTransitions: [
      { state: 'RUNNING', timestamp: TIME },
      { state: 'FAILED', timestamp: TIME },
    ],
    rayErrorInfo: { errorType: 'TASK_EXECUTION_EXCEPTION', errorMessage },
  }),
]);

/** What the bridge takes. */
export const goodEvents: readonly Raw[] = [...everyTypeOfEvent.map((event) => withSecrets(event) as Raw), ...jobs, ...failures].map(
  (event, index) => ({ ...event, eventId: `event-${index}`, authToken: SECRET }),
);

/** What it rejects. */
export const badEvents: readonly unknown[] = [
  SECRET,
  [SECRET],
  { password: SECRET, [SECRET]: SECRET },
  { entrypoint: `run ${SECRET}`, errorMessage: SECRET, runtimeEnv: { A: SECRET }, command: [SECRET] },
  { ...rawLifecycle(), sessionName: `\n${SECRET}` },
  { ...rawLifecycle(), eventId: `${SECRET}\u0000` },
  { ...rawLifecycle(), eventType: SECRET },
  { ...rawLifecycle(), eventType: `password=${SECRET}` },
  { ...rawLifecycle(), nodeId: SECRET, severity: { [SECRET]: SECRET } },
  rawLifecycle({ taskId: SECRET, command: SECRET }),
  rawLifecycle({ taskAttempt: SECRET, rayErrorInfo: { errorMessage: [SECRET], errorType: { [SECRET]: 1 } } }),
  rawLifecycle({ stateTransitions: [{ state: { [SECRET]: SECRET } }] }),
  rawDefinition({ requiredResources: SECRET, labelSelector: [SECRET], serializedRuntimeEnv: { env_vars: { A: SECRET } } }),
  rawEvent('DRIVER_JOB_DEFINITION_EVENT', 'driverJobDefinitionEvent', {
    jobId: JOB_ID,
    entrypoint: { command: SECRET },
    config: { metadata: SECRET },
  }),
  rawEvent('TASK_EXECUTION_EVENT', 'taskExecutionEvent', { taskId: TASK_ID.slice(4), taskState: { [SECRET]: TIME } }),
  rawEvent('A_NEW_EVENT', 'newEvent', {
    env: { [SECRET]: SECRET },
    command: `run ${SECRET}`,
    metadata: METADATA,
    password: SECRET,
    [SECRET]: 1,
  }),
  rawEvent(
    'A_NEW_AUTOSCALER_EVENT',
    'autoscalerEvent',
    { pw: SECRET },
    { sourceType: 'AUTOSCALER', message: `token: ${SECRET}`, eventId: '' },
  ),
  JSON.parse(`${'{"a":'.repeat(80)}"${SECRET}"${'}'.repeat(80)}`),
];

/** Bodies that are no JSON. */
export const brokenBodies: readonly string[] = [`[{"password": "${SECRET}"`, `{"password": "${SECRET}"} x`, `token=${SECRET}`];

/** The secrets in a text, with their surroundings; empty without one. */
export function placeOfSecret(text: string): string {
  for (const secret of [SECRET, PICKLED]) {
    const at = text.indexOf(secret);
    if (at >= 0) return text.slice(Math.max(0, at - 200), at + 100);
  }
  return '';
}
