import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ENTRYPOINT_LENGTH, reduceEntrypoint } from '../../src/event/redaction/entrypoint.ts';
import { propertyRuns } from '../support/sized.ts';

describe('reducing an entry point', () => {
  it.each([
    ['/usr/bin/python drv.py', 'python drv.py'],
    ['/usr/bin/python /tmp/drv.py fail', 'python drv.py'],
    ['python -c "import ray;ray.init();print(1)"', 'python'],
    ['API_KEY=hunter2 python -u train.py --key hunter2', 'python train.py'],
    ['API_KEY="hunter 2" OTHER=\'x y\' python3.11 "my dir/train.py" --key=hunter2', 'python3.11 train.py'],
    ['env -u X API_KEY=hunter2 python train.py', 'python train.py'],
    ['/usr/bin/env API_KEY=hunter2 python train.py', 'python train.py'],
    ['python -u -m pkg.train --key hunter2', 'python -m pkg.train'],
    ['torchrun --nproc-per-node 4 train.py --key hunter2', 'torchrun train.py'],
    ['git commit -m hunter2', 'git'],
    ['cd /app && export KEY=hunter2; python train.py --key hunter2', 'python train.py'],
    ['echo hunter2 | python train.py', 'echo'],
    ['bash -c "KEY=hunter2 python train.py"', 'bash'],
    ['bash run.sh hunter2', 'bash run.sh'],
    ['./start.sh hunter2', 'start.sh'],
    ['java -jar app.jar hunter2', 'java app.jar'],
    ['C:\\Python\\python.exe C:\\app\\train.py', 'python.exe train.py'],
    ['python --token=/x/hunter2.py train.py', 'python train.py'],
    ['python TOKEN=hunter2.py', 'python'],
    ['$(cat /hunter2)', undefined],
    ['"hunter2 with spaces"', undefined],
    ['cd /app', 'cd'],
    ['', undefined],
    ['   ', undefined],
    ['A=hunter2', undefined],
    [String.raw`PASSWORD=correct\ hunter2 python train.py`, 'python train.py'],
    [String.raw`CFG="{\"pw\": \"a hunter2\"}" python train.py`, 'python train.py'],
    ['TOKEN= hunter2 python x.py', undefined],
    ['TOKEN=correct hunter2 python x.py', undefined],
    ['CUDA_VISIBLE_DEVICES= python x.py', 'python x.py'],
    ['TOKEN=x ./hunter2.sh', undefined],
    ['T=$(echo x hunter2) python', 'python'],
    ['curl https://h/hunter2.sh', 'curl'],
    ['bash -lc "source env; /run/hunter2.sh"', 'bash'],
    ['bash -s hunter2.sh < x', 'bash'],
    ['bash -eux -o pipefail run.sh', 'bash run.sh'],
    ['python --key /run/hunter2.py train.py', 'python'],
    ['python -W ignore -X dev -OOu train.py /run/hunter2.py', 'python train.py'],
    ['python -Wignore -mpkg', 'python'],
    ['python https://h/hunter2.py', 'python'],
    ['python $DIR/train.py', 'python train.py'],
    ['python $SECRET.py', 'python'],
    ['python ${X:-/run/hunter2.py}', 'python'],
    ['python "$(cat hunter2.py)"', 'python'],
    ['python `cat hunter2.py`', 'python'],
    ["python $'hunter2.py'", 'python'],
    ['python <(echo hunter2.py) train.py', 'python'],
    ['python < /run/hunter2.py train.py', 'python train.py'],
    ['2>/run/hunter2.py python train.py', 'python train.py'],
    ['python train.py > hunter2.sh 2>&1', 'python train.py'],
    ['python - <<EOF\nprint("it\'s hunter2")\nEOF\npython x.py', 'python'],
    ['cd /app <<-"E O F"\n\thunter2.py\n\tE O F\npython x.py', 'python x.py'],
    ['python <<< hunter2.py train.py', 'python train.py'],
    ['FOO=bar BAR=$((1 + 2)) python train.py', 'python train.py'],
    ['A=(hunter2 b) python train.py', 'python train.py'],
    ['A[0]=hunter2 A+=hunter2 python train.py', 'python train.py'],
    ['sudo -u hunter2 -E TOKEN=hunter2 python train.py', 'python train.py'],
    ['env -i -u hunter2 -C /hunter2 TOKEN=hunter2 nohup nice -n 10 python train.py', 'python train.py'],
    ['exec -a hunter2 python train.py', 'python train.py'],
    ['timeout -k 5 --signal=KILL 10 python train.py', 'python train.py'],
    ['env -S "TOKEN=hunter2 python x.py"', undefined],
    ['sudo --unknown hunter2 python x.py', undefined],
    ['uv run python train.py', 'python train.py'],
    ['uv run --with hunter2 python train.py', 'uv'],
    ['java -Dpw=hunter2 -Xmx1g -jar app.jar', 'java app.jar'],
    ['java -cp hunter2.jar Main', 'java'],
    ['accelerate launch --num_processes 4 --mixed_precision=fp16 train.py', 'accelerate train.py'],
    ['accelerate launch --token hunter2.py train.py', 'accelerate'],
    ['torchrun --standalone -m pkg.train', 'torchrun -m pkg.train'],
    ['./train.py /run/hunter2.py', 'train.py'],
    ['https://hunter2@h/prog', undefined],
    ['--token hunter2 python x.py', undefined],
    ['if hunter2; then python x.py; fi', undefined],
    ['for x in hunter2 b; do python x.py; done', undefined],
    ['(cd /app; python x.py)', undefined],
    ['{ python x.py; }', undefined],
    ['f() { hunter2; }; python x.py', undefined],
    ['export TOKEN="a hunter2" && . /run/hunter2.sh; python x.py', 'python x.py'],
    ["python x.py # it's hunter2", 'python x.py'],
    ['python x.py & hunter2', 'python x.py'],
    ['C:\\Python\\python.exe "C:\\my dir\\train.py" hunter2', 'python.exe train.py'],
    ["env -iS 'A=hunter2 python' x.py", undefined],
    ['sudo -EH --preserve-env=hunter2 python x.py', 'python x.py'],
    ['sudo -S python x.py <<< hunter2', 'python x.py'],
    ['nohup python x.py hunter2 > /run/hunter2.sh 2>&1 &', 'python x.py'],
    ['VAR=hunter2; python x.py', 'python x.py'],
    ['VAR=hunter2\npython x.py', 'python x.py'],
    ['cat <<A <<B\nhunter2\nA\nhunter2\nB\npython x.py', 'cat'],
    ['cat <<EOF; python x.py\nEOF hunter2\nhunter2.sh\nEOF', 'cat'],
    [String.raw`TOKEN=$'a\'b hunter2' python x.py`, 'python x.py'],
    ['TOKEN=$"hunter2 x" python x.py', 'python x.py'],
    ["TOKEN='a hunter2 it's python x.py", 'python x.py'],
    ["python3 -Ic 'hunter2' x.py", 'python3'],
    ["sh -lc 'TOKEN=hunter2 python hunter2.py'", 'sh'],
    ['bash --rcfile hunter2 -c hunter2 x.sh', 'bash'],
    ['torchrun --x script.py --key hunter2', 'torchrun'],
    ['torchrun --nproc_per_node=4 --rdzv_endpoint hunter2:1 script.py --key hunter2', 'torchrun script.py'],
    ['uv run x.py hunter2', 'x.py'],
    ['uv run -- python x.py hunter2', 'uv'],
    ['uv run https://u:hunter2@h/x.py', undefined],
    ['poetry run python x.py --k hunter2', 'python x.py'],
    ['poetry -C hunter2 run python x.py', 'poetry'],
    ['https://h/hunter2.py', undefined],
    ['python s3://b/hunter2.py', 'python'],
    ['python https:/h/hunter2.py', 'python'],
    ['s3:/h/hunter2.sh', undefined],
    [String.raw`http:\\h\hunter2.py`, undefined],
    ['python x.py?token=hunter2', 'python'],
    ['sudo -u ray bash -c "hunter2"', 'bash'],
    ['eval "TOKEN=hunter2 python x.py"', undefined],
    ['TOKEN = hunter2 python x.py', 'TOKEN'],
    ['env - TOKEN=hunter2 python x.py', undefined],
    ['TOKEN=hunter2& python x.py', 'python x.py'],
    ['TOKEN=a|hunter2 python x.py', undefined],
    ['curl -sSL https://u:hunter2@h/i.sh | bash -s hunter2', 'curl'],
    // A key pasted in the place of the program.
    [`${'hf'}_${'Ab1'.repeat(12)}`, undefined],
    [`python ${'ghp'}_${'a1'.repeat(18)}.py`, undefined],
  ])('the entry point %j becomes %j', (commandLine, reduced) => {
    expect(reduceEntrypoint(commandLine)).toBe(reduced);
  });

  it.each([
    'TOKEN="hunter2 python x.py',
    "TOKEN='hunter2 python x.py",
    'python x.py hunter2\\',
    'TOKEN=$(echo hunter2 python x.py',
    'TOKEN=`echo hunter2 python x.py',
    'TOKEN=${hunter2 python x.py',
    "TOKEN=$'hunter2 python x.py",
    'python x.py (hunter2',
    'python x.py hunter2)',
    'python x.py "$(echo \'hunter2)"',
    'python x.py <<EOF\nhunter2',
    'python x.py <<EOF',
    'python x.py > ',
    'T=$(cat <<EOF\n) hunter2\nEOF\n) python x.py',
    'T=$(case x in a) echo hunter2;; esac) python x.py',
    `T=${'$('.repeat(20)}hunter2${')'.repeat(20)} python x.py`,
    'C:\\python.exe "hunter2',
    'python\0 x.py',
    `python x.py ${'a'.repeat(MAX_ENTRYPOINT_LENGTH)}`,
  ])('an entry point with unbalanced or unknown syntax is hidden: %j', (commandLine) => {
    expect(reduceEntrypoint(commandLine)).toBeUndefined();
  });

  it('an entry point never shows a secret outside of program and script, however it is quoted', () => {
    const secret = fc
      .tuple(
        fc.constantFrom('s3cr3t', 'hunter2.py', 'x y', '$(a)', '"', "'", '\\', '`', 'é', 'a/b.sh', '#', ';', '&&', '|', '(', '{'),
        fc.stringMatching(/^[a-z0-9]{8}$/),
      )
      .map(([odd, core]) => ({ text: `${odd}QZ${core}${odd}`, core: `QZ${core}` }));
    const quote = fc.constantFrom<(text: string) => string>(
      (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`,
      (text) => `"${text.replaceAll(/["\\$`]/g, String.raw`\$&`)}"`,
      (text) => text.replaceAll(/[^A-Za-z0-9é]/g, String.raw`\$&`),
      (text) => `$'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`,
      (text) => `"$(echo '${text.replaceAll("'", String.raw`'\''`)}')"`,
      (text) => `\${X:-'${text.replaceAll("'", String.raw`'\''`)}'}`,
      // Without quotes a secret must need no quoting to be part of its word. Next to a variable it
      // must be hidden as well.
      (text) => text.replaceAll(/[^A-Za-z0-9./é]/g, ''),
    );
    const template = fc.constantFrom(
      'TOKEN=% python train.py',
      'A=1 TOKEN=% B=2 env C=% python train.py',
      'export TOKEN=%; python train.py',
      'python train.py %',
      'python train.py --key % --other=%',
      'python --key % train.py',
      'python --key=% train.py',
      'python -c % train.py',
      'bash -c %',
      'bash -lc % x.sh',
      'curl %',
      'curl -H % https://host/%',
      'echo % | python train.py',
      'python train.py < % > % 2>> %',
      'python train.py <<< %',
      'python - <<EOF\n%\nEOF',
      'sudo -u % python train.py',
      'env -u % python train.py',
      'exec -a % python train.py',
      'cd % && python train.py',
      '. % ; python train.py',
      'python train.py # %',
      'T=$(echo % x) python train.py',
      'T=`echo % x` python train.py',
      'diff <(echo %) >(cat %)',
      'torchrun --nproc-per-node % train.py',
      'torchrun --new-option % train.py',
      'java -Dx=% -jar app.jar %',
      'if test %; then python train.py; fi',
      'for x in % %; do python $x; done',
      'TOKEN= % python train.py',
      'TOKEN=a % python train.py',
      '(echo %; python train.py)',
      'timeout 5 python -W % train.py',
    );
    fc.assert(
      fc.property(template, secret, fc.array(quote, { minLength: 3, maxLength: 3 }), fc.nat(3), (form, { text, core }, quotes, cut) => {
        let place = 0;
        const whole = form.replaceAll('%', () => (quotes[place++ % quotes.length] ?? String)(text));
        const shown = reduceEntrypoint(cut === 0 ? whole.slice(0, -1) : whole) ?? '';
        expect(shown).not.toContain(core);
        expect(shown).not.toContain(text);
      }),
      { numRuns: propertyRuns(2_000, 20_000) },
    );
  });

  it('an entry point is parsed in linear time', () => {
    for (const piece of ['"a" ', "'", '$(', '\\a', '<<E\n', '${', '`', ' A=b', '#', 'a\n']) {
      expect(() => reduceEntrypoint(piece.repeat(Math.floor(MAX_ENTRYPOINT_LENGTH / piece.length)))).not.toThrow();
    }
  });

  it('reducing a reduced entry point changes nothing', () => {
    const words = fc.constantFrom(
      'python',
      '-m',
      '-c',
      'a.py',
      '/x/b.sh',
      'A=1',
      'env',
      'cd',
      '&&',
      ';',
      '"',
      "'",
      '\\',
      'é',
      '--x',
      '.',
      '\n',
      '-',
      'uv run',
      'nohup',
      '$(',
      ')',
      'launch',
      'accelerate',
      'java',
      '-jar',
      'x.jar',
      '`',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 8 }), fc.constantFrom(' ', ''), (parts, between) => {
        const reduced = reduceEntrypoint(parts.join(between));
        expect(reduced === undefined ? undefined : reduceEntrypoint(reduced)).toBe(reduced);
      }),
      { numRuns: propertyRuns(300, 3_000) },
    );
  });
});
