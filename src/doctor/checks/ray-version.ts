import type { RayFacts } from '../facts.ts';
import { FIRST_WITH_EVENTS, isAtLeast } from '../ray-release.ts';
import { finding, unknown, type Verdicts, passed } from '../verdict.ts';
import type { Check } from './check.ts';

export const rayVersion: Check = { name: 'ray_version', judge: ({ ray }) => judge(ray) };

function judge({ version, release }: RayFacts): Verdicts {
  if (version === undefined)
    return [
      unknown(
        "without the dashboard, Ray's release is unknown",
        'run `ray --version` on a node; 2.49 is the first release that posts events',
      ),
    ];
  if (release === undefined)
    return [
      unknown(
        `the release ${JSON.stringify(version)} is not a version number`,
        'run `ray --version` on a node; 2.49 is the first release that posts events',
      ),
    ];
  if (!isAtLeast(release, FIRST_WITH_EVENTS)) {
    return [
      finding('ray_too_old', {
        what: `Ray is ${version}`,
        why: 'Ray posts events only from release 2.49.',
        fix: "update Ray to 2.49 or later: pip install -U 'ray[default]'",
      }),
    ];
  }
  return [passed(`Ray ${version} posts events`)];
}
