/**
 * Options of a program that runs another program or a script. Unlisted options are not understood.
 */
export interface Launcher {
  /** Letters of options without a value, which can be combined: `-uB`. */
  readonly flags?: string;
  /** Letters of options with a value, in the same word or the next. */
  readonly valued?: string;
  readonly longFlags?: readonly string[];
  readonly longValued?: readonly string[];
  /** Letters of options that are followed by code, so that there is no script. */
  readonly code?: string;
  /** Letters and names of options that are followed by the name of a module. */
  readonly module?: string;
  readonly longModule?: string;
  /** Operands to skip before the command. */
  readonly skippedOperands?: number;
  /** Subcommand before the options: `accelerate launch`. */
  readonly subcommand?: string;
}

/** Programs that run a command. The command is shown in their place. */
const WRAPPERS: Readonly<Record<string, Launcher>> = {
  env: { flags: 'i0v', valued: 'uC', longFlags: ['ignore-environment', 'null', 'debug'], longValued: ['unset', 'chdir'] },
  sudo: {
    flags: 'AbBEHiKknPSsv',
    valued: 'CDghpRrtTuU',
    longFlags: ['preserve-env', 'set-home', 'non-interactive', 'login', 'stdin'],
    longValued: ['user', 'group', 'host', 'prompt', 'chdir', 'chroot'],
  },
  exec: { flags: 'cl', valued: 'a' },
  command: { flags: 'p' },
  builtin: {},
  nohup: {},
  time: { flags: 'p' },
  setsid: { flags: 'cfw', longFlags: ['ctty', 'fork', 'wait'] },
  nice: { flags: '0123456789', valued: 'n', longValued: ['adjustment'] },
  ionice: { flags: 't', valued: 'cn', longValued: ['class', 'classdata'] },
  stdbuf: { valued: 'ioe', longValued: ['input', 'output', 'error'] },
  timeout: {
    flags: 'v',
    valued: 'ks',
    longFlags: ['foreground', 'preserve-status', 'verbose'],
    longValued: ['kill-after', 'signal'],
    skippedOperands: 1,
  },
};

/** Python tools that run the command after `run`. */
const RUNNERS = new Set(['uv', 'poetry', 'pipenv', 'pdm', 'rye', 'hatch']);

const SHELL: Launcher = {
  // Without `s`, which makes operands arguments instead of a script.
  flags: 'abefhiklmnprtuvxBCEHPTD',
  valued: 'oO',
  code: 'c',
  longFlags: ['login', 'norc', 'noprofile', 'posix', 'restricted', 'verbose'],
  longValued: ['rcfile', 'init-file'],
};
const PYTHON: Launcher = { flags: 'bBdEhiIOPqsSuvVx?', valued: 'WX', code: 'c', module: 'm', longValued: ['check-hash-based-pycs'] };
const TORCHRUN: Launcher = {
  valued: 'rt',
  module: 'm',
  longModule: 'module',
  longFlags: ['standalone', 'no-python', 'run-path'],
  longValued: [
    'nnodes',
    'nproc-per-node',
    'rdzv-backend',
    'rdzv-endpoint',
    'rdzv-id',
    'rdzv-conf',
    'max-restarts',
    'monitor-interval',
    'start-method',
    'role',
    'log-dir',
    'redirects',
    'tee',
    'node-rank',
    'master-addr',
    'master-port',
    'local-addr',
  ],
};
const ACCELERATE: Launcher = {
  subcommand: 'launch',
  flags: 'q',
  module: 'm',
  longModule: 'module',
  longFlags: ['multi-gpu', 'cpu', 'tpu', 'mps', 'use-deepspeed', 'use-fsdp', 'quiet', 'debug', 'same-network'],
  longValued: [
    'num-processes',
    'num-machines',
    'machine-rank',
    'main-process-ip',
    'main-process-port',
    'mixed-precision',
    'config-file',
    'gpu-ids',
    'dynamo-backend',
    'num-cpu-threads-per-process',
  ],
};
const DEEPSPEED: Launcher = {
  valued: 'Hie',
  longModule: 'module',
  longFlags: ['no-ssh', 'no-local-rank', 'enable-each-rank-log'],
  longValued: ['num-gpus', 'num-nodes', 'hostfile', 'include', 'exclude', 'master-addr', 'master-port', 'launcher'],
};
/** Options are words, not letters: see `jarOf`. */
const JAVA: Launcher = {};
const JAVA_OPTION = /^-(?:[XD].*|ea|da|server|client)$/;
const JAR_OPTION = '-jar';
const NODE: Launcher = { longFlags: ['inspect', 'enable-source-maps', 'no-warnings', 'expose-gc'] };
const R: Launcher = { code: 'e', longFlags: ['vanilla', 'no-save', 'no-restore', 'no-environ', 'slave', 'quiet'] };
const OTHERS: Launcher = { code: 'eE', flags: 'w' };

const INTERPRETERS: readonly (readonly [RegExp, Launcher])[] = [
  [/^(?:python|pypy|pythonw|ipython)[0-9.]*$/, PYTHON],
  [/^(?:sh|bash|dash|zsh|ksh)$/, SHELL],
  [/^torchrun$/, TORCHRUN],
  [/^accelerate$/, ACCELERATE],
  [/^deepspeed$/, DEEPSPEED],
  [/^java$/, JAVA],
  [/^node$/, NODE],
  [/^Rscript$/, R],
  [/^(?:julia|ruby|perl)$/, OTHERS],
];

/** Returns how an interpreter reads its options. `.exe` is ignored. */
export function interpreterOf(program: string): Launcher | undefined {
  const name = program.replace(/\.exe$/i, '');
  return INTERPRETERS.find(([pattern]) => pattern.test(name))?.[1];
}

/** Returns the jar file of a `java` command; undefined when it runs a class. */
export function jarOf(program: string, words: readonly string[], from: number): string | undefined {
  if (interpreterOf(program) !== JAVA) return undefined;
  let at = from;
  while (JAVA_OPTION.test(words[at] ?? '')) at += 1;
  return words[at] === JAR_OPTION ? words[at + 1] : undefined;
}

/**
 * Programs known by name. After an assignment only these are shown: in `TOKEN=correct horse python
 * x.py` the shell runs `horse`.
 */
const KNOWN_PROGRAMS = new Set(
  [
    'ray serve tune rllib jupyter papermill streamlit pytest celery gunicorn uvicorn dask dbt vllm mlflow wandb airflow prefect dagster',
    'mpirun mpiexec horovodrun srun sbatch spark-submit make npm npx yarn cargo go docker kubectl git curl wget echo sleep true',
    'conda mamba pip',
  ].flatMap((names) => names.split(' ')),
);

export function isKnownProgram(program: string): boolean {
  return KNOWN_PROGRAMS.has(program) || RUNNERS.has(program) || interpreterOf(program) !== undefined;
}

/**
 * Returns where the wrapped command begins, or `at` for an ordinary command. Undefined when an
 * option is not understood.
 */
export function wrappedCommand(program: string, words: readonly string[], at: number): number | undefined {
  if (RUNNERS.has(program)) return words[at + 1] === 'run' && words[at + 2]?.startsWith('-') === false ? at + 2 : at;
  const wrapper = Object.hasOwn(WRAPPERS, program) ? WRAPPERS[program] : undefined;
  if (wrapper === undefined) return at;
  const read = readOptions(wrapper, words, at + 1);
  return read.kind === 'operand' ? read.at + (wrapper.skippedOperands ?? 0) : undefined;
}

export type Operand = { readonly kind: 'operand' | 'module'; readonly at: number } | { readonly kind: 'none' };

const NONE = { kind: 'none' } as const;

/**
 * Returns the first operand after known options. An unknown option gives none, because its value
 * could be mistaken for the operand.
 */
export function readOptions(launcher: Launcher, words: readonly string[], from: number): Operand {
  const { flags = '', valued = '', code = '', module = '', longModule, longFlags = [], longValued = [], subcommand } = launcher;
  let at = words[from] === subcommand && subcommand !== undefined ? from + 1 : from;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--') return operandAt(words, at + 1);
    if (word === '-' || word === '+') return NONE;
    if (word.startsWith('--')) {
      // The value is in the same word.
      if (word.includes('=')) continue;
      const name = word.slice(2).replaceAll('_', '-');
      if (name === longModule) return moduleAt(words, at + 1);
      if (longValued.includes(name)) at += 1;
      else if (!longFlags.includes(name)) return NONE;
      continue;
    }
    if (!/^[-+]/.test(word)) return operandAt(words, at);
    for (let letter = 1; letter < word.length; letter += 1) {
      const option = word.charAt(letter);
      const isLast = letter === word.length - 1;
      if (code.includes(option)) return NONE;
      if (module.includes(option)) return isLast ? moduleAt(words, at + 1) : NONE;
      if (valued.includes(option)) {
        if (isLast) at += 1;
        break;
      }
      if (!flags.includes(option)) return NONE;
    }
  }
  return NONE;
}

function operandAt(words: readonly string[], at: number): Operand {
  return at < words.length ? { kind: 'operand', at } : NONE;
}

function moduleAt(words: readonly string[], at: number): Operand {
  return at < words.length ? { kind: 'module', at } : NONE;
}
