import fc from 'fast-check';

// Properties try the same cases each time, so that a run tells of the change and not of luck. To look further: another PROPERTY_SEED.
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 1) });
