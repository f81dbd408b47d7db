"""A job to watch: a stage of parallel tasks that wait for room, one that waits for all of them, and an actor.

It continues when the file E2E_FOLDER/go is there, so that what is looked at has time. Runs on Ray 2.49 to 2.60.
"""

import os
import time

import ray

FOLDER = os.environ["E2E_FOLDER"]

ray.init(address="auto", log_to_driver=False)


@ray.remote(num_cpus=1)
def prepare(n):
    time.sleep(0.5)
    return n


@ray.remote(num_cpus=1)
def combine(*parts):
    time.sleep(0.3)
    return sum(parts)


@ray.remote(num_cpus=1)
def hold(path):
    while not os.path.exists(path):
        time.sleep(0.1)


@ray.remote(num_cpus=1, max_retries=0)
def broken():
    raise ValueError("<b>not a tag</b>")


@ray.remote(num_cpus=0)
class Counter:
    def add(self, n):
        time.sleep(0.1)
        return n


total = ray.get(combine.remote(*[prepare.remote(n) for n in range(12)]))
counter = Counter.remote()
ray.get([counter.add.remote(n) for n in range(3)])
try:
    ray.get(broken.remote())
except ValueError:
    pass
ray.get(hold.remote(os.path.join(FOLDER, "go")))
ray.get(combine.remote(total))
# Events are sent once a second.
time.sleep(2)
print("done")
