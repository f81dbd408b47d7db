import type { Command, CommandContext, Outcome } from './command.ts';
import { done, usage } from './command.ts';
import { writeText } from './output.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** Prints a script that completes commands and flags. `all` lists the commands, which this one is part of. */
export function createCompletionCommand(all: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'print a script that completes commands and options in a shell',
    usage: 'bash|zsh|fish',
    description: ['Prints a script for the shell. It completes the names of commands and options.'],
    options: {},
    examples: [
      { purpose: 'bash', line: 'ray-otel-bridge completion bash > ~/.local/share/bash-completion/completions/ray-otel-bridge' },
      { purpose: 'zsh', line: 'ray-otel-bridge completion zsh > "${fpath[1]}/_ray-otel-bridge"' },
      { purpose: 'fish', line: 'ray-otel-bridge completion fish > ~/.config/fish/completions/ray-otel-bridge.fish' },
    ],
    run: ({ argv, stdout }) => printScript(argv, stdout, all()),
  };
}

async function printScript(argv: readonly string[], stdout: CommandContext['stdout'], commands: readonly Command[]): Promise<Outcome> {
  const shell = SHELLS.find((each) => each === argv[0]);
  if (shell === undefined || argv.length !== 1) return usage(`name one shell: ${SHELLS.join(', ')}`);
  await writeText(stdout, { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands));
  return done;
}

function flagsOf({ options }: Command): readonly string[] {
  return [...Object.values(options).flatMap(({ flag }) => (flag === '' ? [] : [flag])), '--help'];
}

function bashScript(commands: readonly Command[]): string {
  const cases = commands.map((command) => `    ${command.name}) words="${flagsOf(command).join(' ')}" ;;`);
  return `_ray_otel_bridge() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${commands.map(({ name }) => name).join(' ')} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    esac
  fi
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}
complete -o filenames -F _ray_otel_bridge ray-otel-bridge
`;
}

function zshScript(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commands.map((command) => `    ${command.name}) _values -w option ${flagsOf(command).map(quoted).join(' ')}; _files ;;`);
  return `#compdef ray-otel-bridge
_ray_otel_bridge() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
${cases.join('\n')}
  esac
}
_ray_otel_bridge "$@"
`;
}

function fishScript(commands: readonly Command[]): string {
  const names = commands.map(
    ({ name, summary }) => `complete -c ray-otel-bridge -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
  );
  const flags = commands.flatMap((command) =>
    Object.values(command.options).flatMap(({ flag }) =>
      flag === '' ? [] : [`complete -c ray-otel-bridge -n '__fish_seen_subcommand_from ${command.name}' -l ${flag.replace(/^--/, '')}`],
    ),
  );
  return `${[...names, ...flags].join('\n')}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
