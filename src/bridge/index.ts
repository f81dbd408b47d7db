export { type Bridge, type BridgeOptions, type BridgeState, type BridgeStats, createBridge, type StopOutcome } from './bridge.ts';
