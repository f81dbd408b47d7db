"""The third driver, sent by `ray job submit` with a traceparent and a secret argument: does a little and fails."""

import ray

ray.init(address="auto", log_to_driver=False)


@ray.remote(num_cpus=0.1)
def step(n):
    if n == 3:
        raise ZeroDivisionError("step 3")
    return n


ray.get([step.remote(n) for n in range(3)])
ray.get(step.remote(3))
