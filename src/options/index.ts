export { nearMiss, suggestion } from './near-miss.ts';
export {
  type Environment,
  type Option,
  type OptionTable,
  type ParsedOptions,
  parseOptions,
  type ValuesOf,
} from './parse-options.ts';
export { tokenLines, tokenList } from './tokens.ts';
export {
  count,
  duration,
  httpTarget,
  type ListenAddress,
  httpTargets,
  listenAddress,
  MAX_DURATION_MS,
  oneOf,
  optional,
  optionalText,
  type Parse,
  replaySpeed,
  requiredText,
  size,
  switchValue,
  traceUrlPattern,
} from './values.ts';
