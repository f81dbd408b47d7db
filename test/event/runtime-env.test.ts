import { describe, expect, it } from 'vitest';
import { MAX_PACKAGES, MAX_RUNTIME_ENV_LENGTH, redactRuntimeEnv, reduceRuntimeEnv } from '../../src/event/redaction/runtime-env.ts';

function reduced(env: unknown): unknown {
  const text = JSON.stringify(env);
  // A reduced environment must read the same again, because recordings contain the reduced form.
  expect(reduceRuntimeEnv(redactRuntimeEnv(text))).toStrictEqual(reduceRuntimeEnv(text));
  return reduceRuntimeEnv(text);
}

describe('reducing a runtime environment', () => {
  it('a runtime environment keeps only packages and versions of pip', () => {
    const pip = [
      'torch==2.4.0',
      'numpy >= 1.20, < 2',
      'ray[default,tune]',
      'pandas; python_version > "3.8"',
      'private @ https://user:hunter2@host/private.whl',
      'hashed==1.0 --hash=sha256:hunter2',
      '--index-url=https://user:hunter2@host/simple',
      '-e git+https://hunter2@github.com/org/repo',
      'https://hunter2@host/x.whl',
      'git+ssh://git@host/hunter2',
      '/path/hunter2.whl',
      './hunter2',
      7,
    ];
    const kept = ['torch==2.4.0', 'numpy>=1.20,<2', 'ray[default,tune]', 'pandas', 'private', 'hashed==1.0'];
    expect(reduced({ pip })).toStrictEqual({ pip: kept });
    expect(reduced({ pip: { packages: pip, pip_install_options: ['--token hunter2'] }, env_vars: { A: 'hunter2' } })).toStrictEqual({
      pip: kept,
    });
  });

  it.each([
    ['prod-env', 'prod-env'],
    ['/srv/me/environment.yml', 'environment.yml'],
    [{ name: 'ml', dependencies: ['python=3.11'] }, 'ml'],
    [
      { dependencies: ['python=3.11', 'https://conda.host/t/hunter2/main::torch', 'forge::numpy>=1', { pip: ['hunter2'] }] },
      'python=3.11, numpy>=1',
    ],
  ])('the conda environment %j becomes its name', (conda, name) => {
    expect(reduced({ conda })).toStrictEqual({ conda: name });
  });

  it.each([
    ['https://user:hunter2@host/pkg.zip?sig=hunter2#hunter2', 'https://host/pkg.zip'],
    ['s3://AKIA:se/hunter2@bucket/pkg.zip', 's3://bucket/pkg.zip'],
    ['gcs://_ray_pkg_0123.zip', 'gcs://_ray_pkg_0123.zip'],
    ['/srv/me/app', '/srv/me/app'],
    [`https://host/${'ghp'}_${'a1'.repeat(18)}/pkg.zip`, 'https://host/[redacted]/pkg.zip'],
    ['https://host/pkg.zip;token=hunter2', 'https://host/pkg.zip;token=[redacted]'],
  ])('the working directory %s loses credentials and query', (working_dir, workingDir) => {
    expect(reduced({ working_dir })).toStrictEqual({ workingDir });
  });

  it.each([
    [{}],
    [{ env_vars: { A: 'hunter2' } }],
    [[]],
    ['hunter2'],
    [null],
    [{ pip: 5, conda: 5, working_dir: 5 }],
    [{ working_dir: '\u001b[2J' }],
  ])('the runtime environment %j reduces to nothing', (env) => {
    expect(reduced(env)).toBeUndefined();
  });

  it('packages and texts of a runtime environment have limits', () => {
    const pip = Array.from({ length: MAX_PACKAGES + 1 }, (_, index) => `p${index}`);
    expect(reduceRuntimeEnv(JSON.stringify({ pip }))?.pip).toHaveLength(MAX_PACKAGES);
    expect(reduceRuntimeEnv(JSON.stringify({ conda: 'x', filler: ' '.repeat(MAX_RUNTIME_ENV_LENGTH) }))).toBeUndefined();
    expect(reduceRuntimeEnv('{"pip": ')).toBeUndefined();
    expect(reduceRuntimeEnv('['.repeat(200_000))).toBeUndefined();
  });
});
