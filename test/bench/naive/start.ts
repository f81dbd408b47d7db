import { freePort, ProbedProgram, until } from '../parts/process.ts';

/** The naive program, ready for posts. */
export async function startNaive(sinkUrl: string): Promise<{ readonly program: ProbedProgram; readonly url: string }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = { PATH: process.env['PATH'], OTEL_EXPORTER_OTLP_ENDPOINT: sinkUrl };
  const program = new ProbedProgram(new URL('naive.js', import.meta.url).pathname, [String(port)], { env });
  await until('the naive program to be ready', 30_000, async () => {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    return answer?.ok === true ? true : undefined;
  });
  return { program, url };
}
