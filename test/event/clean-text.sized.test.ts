import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanText, isControl } from '../../src/event/clean-text.ts';
import { propertyRuns } from '../support/sized.ts';

const SECRET = 'hunter2';

describe('cleaning terminal sequences', () => {
  it.each([
    ['\u001b[36mray::f()\u001b[39m', 'ray::f()'],
    ['\u001b[1;31;42mred\u001b[0m', 'red'],
    ['\u009b31mred', 'red'],
    // First and last byte of parameters, intermediates and finals.
    ['\u001b[ ?@x', 'x'],
    ['\u001b[0~x', 'x'],
    ['\u001b /0x', 'x'],
    ['\u001b~x', 'x'],
    ['\u001b[1\u00e9', '\u00e9'],
    ['\u001b]8;;https://x\u0007link\u001b]8;;\u001b\\', 'link'],
    ['\u001b]0;title\u009cbody', 'body'],
    ['\u001bPq#0\u001b\\x', 'x'],
    ['\u001b(Bplain\u001bc', 'plain'],
    ['a\u001b]never closed\nnext line', 'a\nnext line'],
    ['\u001b', ''],
    ['\u001b[', ''],
    ['\u001b[31', ''],
    ['a\u0000b\u0007c\u007fd\u0085e\r\n\tf', 'abcde\n\tf'],
    ['\ud800x', '\ufffdx'],
    ['plain é 漢 \u{1f600}', 'plain é 漢 \u{1f600}'],
  ])('cleanText turns %j into %j', (text, cleaned) => {
    expect(cleanText(text)).toBe(cleaned);
  });
});

describe('cleaning runtime environments in a text', () => {
  const env = { env_vars: { API_KEY: SECRET, QUOTE: `a"b'c}${SECRET}`, PATH: 'C:\\', NEXT: `}${SECRET}` } };
  const json = JSON.stringify(env);
  it.each([
    ['as JSON', `failed: ${json} (see log)`],
    ['as JSON in JSON', `failed: ${JSON.stringify({ runtime_env: json })} (see log)`],
    ['as JSON in JSON in JSON', `failed: ${JSON.stringify([JSON.stringify([json])])} (see log)`],
    ['as JSON of many lines', `failed: ${JSON.stringify(env, null, 2)} (see log)`],
    ['as a Python dict', `failed: {'env_vars': {'API_KEY': '${SECRET}', "B": "it's ${SECRET} }", 'C': 'x\\'}${SECRET}'}} (see log)`],
    ['as a Python constructor', `failed: f.options(runtime_env=dict(env_vars=dict(A="${SECRET}"))) (see log)`],
    ['as an ordered dict', `failed: {'env_vars': OrderedDict([('A', '${SECRET}')])} (see log)`],
    ['as proto text', `failed: env_vars { key: "A" value: "${SECRET}" } (see log)`],
    ['with colours in the name', `failed: {'env\u001b[1m_vars': {'A': '${SECRET}'}} (see log)`],
    ['with a nested mapping', `failed: {"env_vars": {"A": {"B": ["${SECRET}", {"C": "${SECRET}"}]}}} (see log)`],
    ['in camelCase', `failed: {"envVars": {"A": "${SECRET}"}} (see log)`],
    ['as text', `failed: {"env_vars": "{\\"A\\": \\"${SECRET}\\"}"} (see log)`],
  ])('an env_vars mapping %s is redacted, and the rest of the text stays', (_how, text) => {
    const cleaned = cleanText(text);
    expect(cleaned).not.toContain(SECRET);
    expect(cleaned).toMatch(/^failed: .*\[redacted\].* \(see log\)$/s);
  });

  it.each([
    ['cut off', `{'env_vars': {'A': '${SECRET}', 'B`],
    ['assigned in a source line', `    runtime_env["env_vars"]["A"] = "${SECRET}"`],
    ['a bare word', `env_vars=A=${SECRET}`],
    ['YAML', `env_vars:\n  A: ${SECRET}\n  B: ${SECRET}\nend`],
  ])('an env_vars value is redacted when it is %s', (_how, text) => {
    expect(cleanText(text)).not.toContain(SECRET);
  });

  it.each(['env_vars must be a dict', "KeyError: 'env_vars'", 'env_vars:\nTraceback', 'my_env_vars_test'])(
    'cleanText leaves %j unchanged',
    (text) => {
      expect(cleanText(text)).toBe(text);
    },
  );
});

describe('cleaning URLs in a text', () => {
  it.each([
    [`pip install --index-url https://user:${SECRET}@host/simple x`, 'pip install --index-url https://[redacted]@host/simple x'],
    [`s3://AKIA:ab/${SECRET}@bucket/key`, 's3://[redacted]@bucket/key'],
    [`'https://${SECRET}@host', "https://plain/a@b"`, `'https://[redacted]@host', "https://plain/a@b"`],
    [`GET https://bucket/k.zip?sig=${SECRET}&x=a@b failed`, 'GET https://bucket/k.zip?[redacted] failed'],
    [`see https://host/path#access_token=${SECRET}&x=1 there`, 'see https://host/path#[redacted] there'],
    [`https://host/path#a?b=${SECRET}`, 'https://host/path#[redacted]'],
    ['http://127.0.0.1:8265/jobs/a@b', 'http://127.0.0.1:8265/jobs/a@b'],
  ])('cleaning redacts secrets and nothing else: %s', (text, cleaned) => {
    expect(cleanText(text)).toBe(cleaned);
  });
});

describe('cleaning passwords and tokens in a text', () => {
  const key = `${'AKIA'}IOSFODNN7EXAMPLE`;
  it.each([
    [`401: Invalid token: ${SECRET}`, '401: Invalid token: [redacted]'],
    [`connect(host='h', password='${SECRET}', port=1)`, "connect(host='h', password='[redacted]', port=1)"],
    [`    os.environ["API_KEY"] = "${SECRET}"`, '    os.environ["API_KEY"] = "[redacted]"'],
    [`{"client_secret": "${SECRET}", "a": 1}`, '{"client_secret": "[redacted]", "a": 1}'],
    [String.raw`{\"api-key\": \"${SECRET}\", \"a\": 1}`, String.raw`{\"api-key\": \"[redacted]\", \"a\": 1}`],
    [`AWS_SECRET_ACCESS_KEY=${SECRET}/x+y python`, 'AWS_SECRET_ACCESS_KEY=[redacted] python'],
    [`Server=h;Pwd=${SECRET};Encrypt=1`, 'Server=h;Pwd=[redacted];Encrypt=1'],
    [`headers={'Authorization': 'Bearer ${SECRET}'}`, "headers={'Authorization': 'Bearer [redacted]'}"],
    [`Authorization: Basic ${SECRET}==, Accept: */*`, 'Authorization: Basic [redacted], Accept: */*'],
    [`> Cookie: sid=${SECRET}; b=${SECRET}\n> Accept: x`, '> Cookie: [redacted]\n> Accept: x'],
    [`the bearer ${SECRET}.x.y was refused`, 'the bearer [redacted] was refused'],
    [`denied for ${key} in us-east-1`, 'denied for [redacted] in us-east-1'],
    [`push with ghp_${'a1'.repeat(18)} failed`, 'push with [redacted] failed'],
    [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${SECRET} has expired`, '[redacted] has expired'],
    [
      `-----BEGIN RSA PRIVATE KEY-----\n${SECRET}\n-----END RSA PRIVATE KEY-----\nend`,
      '-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----\nend',
    ],
    [`-----BEGIN PRIVATE KEY-----\n${SECRET}`, '-----BEGIN PRIVATE KEY-----[redacted]'],
  ])('cleaning redacts secrets and nothing else: %s', (text, cleaned) => {
    expect(cleanText(text)).toBe(cleaned);
  });

  it.each([
    // Command lines in the output of a program or an error of `subprocess`.
    [`mysql --password ${SECRET} -h db`, 'mysql --password [redacted] -h db'],
    [`Command '['x', '--api-key', '${SECRET}', '-v']'`, "Command '['x', '--api-key', '[redacted]', '-v']'"],
    [`run(["x", "--auth-token", "${SECRET}"])`, 'run(["x", "--auth-token", "[redacted]"])'],
    [`x --token "${SECRET}" --max-tokens 5`, 'x --token "[redacted]" --max-tokens 5'],
    // Source lines of tracebacks.
    [`connect(password=b'${SECRET}', port=1)`, "connect(password=b'[redacted]', port=1)"],
    [`connect(password=rf"${SECRET} a", port=1)`, 'connect(password=rf"[redacted]", port=1)'],
    [`connect(password=Secret("${SECRET}"), port=1)`, 'connect(password=Secret([redacted]), port=1)'],
    [`api_key = os.environ["${SECRET}"] or ("${SECRET}")`, 'api_key = os.environ[[redacted]'],
    [`password = getpass() or "${SECRET}"`, 'password = getpass([redacted]'],
    [`self.password: Optional[str] = "${SECRET}"`, 'self.password: Optional[str] = "[redacted]"'],
    [`if (password := "${SECRET}"):`, 'if (password := "[redacted]"):'],
    [`SECRETS = ["${SECRET}", '${SECRET}']`, 'SECRETS = [[redacted]]'],
    [`credentials: {user: u, pass: ${SECRET}}`, 'credentials: {[redacted]}'],
    [`requests.get(u, auth=('user', '${SECRET}'))`, 'requests.get(u, auth=([redacted]))'],
    [`HTTPBasicAuth('user', '${SECRET}')`, 'HTTPBasicAuth([redacted])'],
    [`SecretStr('${SECRET}')`, 'SecretStr([redacted])'],
    [`environ({'A': '${SECRET}'})`, 'environ([redacted])'],
    // Other names for secrets.
    [`DB_PASS=${SECRET}`, 'DB_PASS=[redacted]'],
    [`"pw": "${SECRET}"`, '"pw": "[redacted]"'],
    [`AccountKey=${SECRET};EndpointSuffix=x`, 'AccountKey=[redacted];EndpointSuffix=x'],
    [`encryption-key: ${SECRET}`, 'encryption-key: [redacted]'],
    [`<password>${SECRET}</password>`, '<password>[redacted]</password>'],
    [`password '${SECRET}' is wrong`, "password '[redacted]' is wrong"],
    [`password%3D${SECRET}`, 'password%3D[redacted]'],
    [`Authorization: Digest username="a", response="${SECRET}"`, 'Authorization: Digest [redacted]'],
    // A URL without its host, in errors of urllib3.
    [
      `(port=443): Max retries exceeded with url: /b/k?X-Amz-Signature=${SECRET} (Caused by`,
      '(port=443): Max retries exceeded with url: /b/k?[redacted] (Caused by',
    ],
    [`X-Amz-Signature=${SECRET}`, 'X-Amz-Signature=[redacted]'],
    [`https://hooks.slack.com/services/T0/B0/${SECRET}`, 'https://hooks.slack.com/[redacted]'],
    [`https://api.telegram.org/bot12:${SECRET}/send`, 'https://api.telegram.org/[redacted]'],
    [`https://discord.com/api/webhooks/12/${SECRET}`, 'https://discord.com/[redacted]'],
  ])('a secret is redacted in %j', (text, cleaned) => {
    expect(cleanText(text)).toBe(cleaned);
    expect(cleanText(cleaned)).toBe(cleaned);
  });

  it.each([
    ['sk', '_live_'],
    ['npm', '_'],
    ['pypi', '-'],
    ['dapi', ''],
    ['ya29', '.'],
    ['hvs', '.'],
    ['glsa', '_'],
    ['xapp', '-'],
  ])('a key in a published format is redacted: %s', (first, second) => {
    // Split in two, so that secret scanners do not report this file.
    expect(cleanText(`key ${first}${second}${'0a1b2c3d'.repeat(5)} is wrong`)).toBe('key [redacted] is wrong');
  });

  it.each([
    'max_tokens=512, token_count: 7',
    '    next_token = logits.argmax(-1)',
    "SyntaxError: unexpected token: ')'",
    "tokenizer='gpt2'",
    'Bearer authentication is required',
    "KeyError: 'password'",
    'passwordless login, secretary, authority',
    'TypeError: f() got an unexpected keyword argument',
    'password authentication failed for user "bob"',
    'secrets "db-credentials" is forbidden',
    '2 tests pass: 3 skipped; pass a list (or pass: x)',
    'TypeError: signature: (a, b) -> c',
    'ValueError: --max-tokens 512 is too much, --tokenizer gpt2',
    'sort_key=name, primary_key: id, KeyError: 7',
    'os.environ["HOME"], the environment: linux',
    'bypass=true, compass: north',
    'url: /a/b has no query',
  ])('cleanText leaves %j unchanged', (text) => {
    expect(cleanText(text)).toBe(text);
  });

  it('redaction takes time proportional to the length of the text', () => {
    for (const piece of [
      'password="',
      'token=\\',
      'eyJ',
      'sk-',
      'bearer ',
      '-----BEGIN PRIVATE KEY-----',
      'authorization: ',
      'cookie: ',
      '\\',
      'aatoken_',
      'password=(',
      'password=a[',
      'password: a',
      '--token ',
      'url: /',
      'password=b',
    ]) {
      const [short, long] = [2 ** 14, 2 ** 18].map((length) => {
        const text = piece.repeat(length / piece.length);
        return Math.min(...[1, 2, 3].map(() => elapsed(() => cleanText(text))));
      });
      // The text is 16 times as long; quadratic work would take about 200 times as long.
      expect(long, piece).toBeLessThan(100 * Math.max(short ?? 0, 1));
    }
  });
});

function elapsed(work: () => unknown): number {
  const start = process.cpuUsage().user;
  work();
  return (process.cpuUsage().user - start) / 1000;
}

it('cleaning a cleaned text changes nothing, and no control character remains', () => {
  const pieces = fc.constantFrom(
    '\u001b',
    '[',
    ']',
    '31m',
    '\u0007',
    '\u009b',
    'env',
    '_vars',
    "'",
    '"',
    '\\',
    ':',
    '=',
    '{',
    '}',
    '(',
    ')',
    ' ',
    '\n',
    '://',
    '@',
    '?',
    '/',
    'a',
    '\ud800',
    '#',
    'password',
    'token',
    'auth',
    'Authorization',
    'Bearer ',
    'cookie',
    ': ',
    '[redacted]',
    'abc123def',
    'eyJabcdefghi.eyJabcdefghi.',
    '-----BEGIN PRIVATE KEY-----',
    '-----END PRIVATE KEY-----',
    '--',
    ', ',
    'pass',
    'environ',
    ':=',
    'url: /',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      const cleaned = cleanText(parts.join(''));
      expect(cleanText(cleaned)).toBe(cleaned);
      expect(cleaned.split('').filter((unit) => unit !== '\n' && isControl(unit.charCodeAt(0)))).toStrictEqual([]);
      expect(cleaned.isWellFormed()).toBe(true);
    }),
    { numRuns: propertyRuns(1_000, 10_000) },
  );
});
