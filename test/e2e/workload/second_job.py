"""The second driver, sent by `ray job submit`: calls the detached actor that the first one left, then ends it."""

import time

import ray

ray.init(address="auto", namespace="e2e", log_to_driver=False)


@ray.remote(num_cpus=0.1)
def middle(registry):
    return ray.get(registry.put.remote("from a task", 2))


registry = ray.get_actor("registry")
ray.get(registry.put.remote("from the driver", 3))
ray.get(middle.remote(registry))
ray.kill(registry)
time.sleep(2)
print("second job done")
