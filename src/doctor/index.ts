export { type Diagnosis, diagnose, hasFault } from './diagnosis.ts';
export type { Facts } from './facts.ts';
export { FINDINGS } from './findings.ts';
export { type DoctorQuestion, gatherFacts } from './gather.ts';
export { DEFAULT_DOCTOR_LIMITS } from './limits.ts';
export { renderDiagnosis } from './render.ts';
export { CHECKS } from './checks/index.ts';
