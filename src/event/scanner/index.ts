export { EventScanner } from './scan-event.ts';
