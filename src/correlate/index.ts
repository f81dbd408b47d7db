export * from './correlator.ts';
export * from './lifecycle.ts';
