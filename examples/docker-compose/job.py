"""A job with something to see: tasks that wait for a CPU, a call tree, a retry that helps, a failure, an actor."""

import time
from pathlib import Path
from tempfile import mkdtemp

import ray

ray.init()


@ray.remote
def load(part):
    time.sleep(0.3)
    return part


@ray.remote
def train(parts):
    return sum(ray.get([load.remote(part) for part in range(parts)]))


@ray.remote(max_retries=2, retry_exceptions=True)
def flaky(marker):
    if not marker.exists():
        marker.touch()
        raise ConnectionError("the first attempt fails")
    return "the second one does not"


@ray.remote(max_retries=0)
def broken():
    raise ValueError("this task always fails")


@ray.remote
class Counter:
    def __init__(self):
        self.count = 0

    def add(self, amount):
        time.sleep(0.05)
        self.count += amount
        return self.count


print("trained:", ray.get(train.remote(20)))
print("flaky:", ray.get(flaky.remote(Path(mkdtemp()) / "tried")))
counter = Counter.remote()
print("counted:", ray.get([counter.add.remote(1) for _ in range(10)])[-1])
try:
    ray.get(broken.remote())
except ray.exceptions.RayTaskError as error:
    print("broken:", error.cause)
# The last second of events before a driver ends is mostly lost in Ray.
time.sleep(2)
