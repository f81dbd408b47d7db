"""Leaves a detached actor and an application of Ray Serve behind, both at work when it ends; see ground_truth.py.

Calls and requests last longer than Ray keeps an ended driver's tasks open (15 s).
"""

import asyncio
import os
import threading
import time
import urllib.request

import ray
from ground_truth import covered, logged, me, submit
from ray import serve

LONG_SECONDS = 22

ray.init(address="auto", namespace="truth", log_to_driver=False)


@ray.remote(num_cpus=0.1)
def leaf(call, seconds=0.05):
    with logged(call):
        time.sleep(seconds)


@ray.remote(num_cpus=0)
class Child:
    def __init__(self, call):
        with logged(call):
            pass

    def work(self, call):
        with logged(call):
            ray.get(submit(leaf))


@ray.remote(num_cpus=0, max_concurrency=8)
class Keeper:
    """Detached: outlives the driver that made it."""

    def __init__(self, call):
        with logged(call):
            self.child = None

    def hold(self, call, seconds):
        """At work when its driver ends, and with tasks of its own afterwards."""
        with logged(call):
            deadline = time.time() + seconds
            while time.time() < deadline:
                time.sleep(2)
                ray.get(submit(leaf))

    def adopt(self, call):
        """Makes an actor that is not detached itself."""
        with logged(call):
            self.child = submit(Child)
            ray.get(submit(self.child.work))

    def use_child(self, call):
        with logged(call):
            ray.get(submit(self.child.work))


@serve.deployment(max_ongoing_requests=8, ray_actor_options={"num_cpus": 0})
class Echo:
    async def __call__(self, request):
        with covered("request"):
            await asyncio.sleep(float(request.query_params["seconds"]))
            await submit(leaf, 0.05)
        return "done"


def main():
    port = int(os.environ["GROUND_TRUTH_SERVE_PORT"])
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(Echo.bind(), name="echo", route_prefix="/")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/?seconds=0.1") as answer:
        assert answer.read() == b"done"
    keeper = submit(Keeper.options(name="keeper", lifetime="detached"))
    ray.get(submit(keeper.adopt))
    submit(keeper.hold, LONG_SECONDS)
    time.sleep(3)
    print("services left behind")


main()
