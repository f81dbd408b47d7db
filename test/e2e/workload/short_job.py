"""A few tasks, and time for their events to leave the workers."""

import time

import ray

ray.init(address="auto", log_to_driver=False)


@ray.remote(num_cpus=0.1)
def step(n):
    return n


ray.get([step.remote(n) for n in range(5)])
time.sleep(2)
