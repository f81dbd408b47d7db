export * from './span.ts';
export * from './ids.ts';
