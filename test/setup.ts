import fc from 'fast-check';

// Properties try the same cases each time, so that a failure comes from the change and not from luck. To try others, set PROPERTY_SEED.
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 1) });
