import { backend } from './backend.ts';
import { bridgeExport } from './bridge-export.ts';
import { bridgeIntake } from './bridge-intake.ts';
import { bridgePost } from './bridge-post.ts';
import { bridgeReach } from './bridge-reach.ts';
import { bridgeReady } from './bridge-ready.ts';
import type { Check } from './check.ts';
import { clocks } from './clocks.ts';
import { drivers } from './drivers.ts';
import { eventTypes } from './event-types.ts';
import { misspelt } from './misspelt.ts';
import { nodeAddress } from './node-address.ts';
import { nodePosts } from './node-posts.ts';
import { rayDashboard } from './ray-dashboard.ts';
import { rayEventFlag } from './ray-event-flag.ts';
import { rayInstall } from './ray-install.ts';
import { rayVersion } from './ray-version.ts';
import { taskFlag } from './task-flag.ts';

/** All checks, in the order in which an event passes them. */
export const CHECKS: readonly Check[] = [
  rayDashboard,
  rayVersion,
  rayInstall,
  misspelt,
  nodeAddress,
  rayEventFlag,
  taskFlag,
  drivers,
  eventTypes,
  nodePosts,
  clocks,
  bridgeReach,
  bridgePost,
  bridgeReady,
  bridgeIntake,
  bridgeExport,
  backend,
];
