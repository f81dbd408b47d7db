"""Tasks that threads submit, threaded and asynchronous actors, retries and failures, in about 15 seconds; see ground_truth.py."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import ray
from ground_truth import die, drain, logged, me, submit
from ray.exceptions import RayError

ray.init(address="auto", namespace="truth", log_to_driver=False)


@ray.remote(num_cpus=0.1)
def leaf(call, seconds=0.05):
    with logged(call):
        time.sleep(seconds)


def in_threads(count, work):
    threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@ray.remote(num_cpus=0.1)
def task_with_threads(call):
    with logged(call):
        here = me()
        in_threads(2, lambda n: ray.get(submit(leaf, caller=here)))
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda n: ray.get(submit(leaf, caller=here)), range(3)))


@ray.remote(num_cpus=0.1)
def branch(call, depth):
    with logged(call):
        if depth > 0:
            ray.get([submit(branch, depth - 1), submit(leaf)])


@ray.remote(num_cpus=0.1, max_retries=2, retry_exceptions=True)
def flaky(call, path):
    with logged(call):
        ray.get(submit(leaf))
        with open(path, "a") as file:
            file.write("x")
        if os.path.getsize(path) < 3:
            raise ValueError("not yet")


@ray.remote(num_cpus=0.1, max_retries=1)
def dies_once(call, path):
    with logged(call):
        if not os.path.exists(path):
            open(path, "w").close()
            die(call)


@ray.remote(num_cpus=0.1, max_retries=0)
def broken(call):
    with logged(call):
        raise KeyError("never works")


@ray.remote(num_cpus=0.1)
def numbers(call, count):
    with logged(call):
        for n in range(count):
            time.sleep(0.05)
            yield n


@ray.remote(num_cpus=0, max_concurrency=4)
class Threaded:
    def __init__(self, call):
        with logged(call):
            self.pool = ThreadPoolExecutor(2)

    def work(self, call):
        with logged(call):
            time.sleep(0.2)
            ray.get(submit(leaf))

    def pooled(self, call):
        """The same threads serve every call."""
        with logged(call):
            here = me()
            list(self.pool.map(lambda n: ray.get(submit(leaf, caller=here)), range(2)))

    def fail(self, call):
        with logged(call):
            raise RuntimeError("the actor lives on")


@ray.remote(num_cpus=0)
class Async:
    def __init__(self, call):
        with logged(call):
            pass

    async def wait(self, call, seconds):
        with logged(call):
            await asyncio.sleep(seconds)
            await submit(leaf)

    async def gather(self, call):
        with logged(call):
            await asyncio.gather(*[submit(leaf) for _ in range(3)])


@ray.remote(num_cpus=0, max_restarts=1, max_task_retries=0)
class Phoenix:
    def __init__(self, call):
        with logged(call):
            pass

    def work(self, call):
        with logged(call):
            ray.get(submit(leaf))

    def crash(self, call):
        with logged(call):
            die(call)

    def leave(self, call):
        with logged(call):
            ray.actor.exit_actor()


def outcome(ref):
    try:
        ray.get(ref, timeout=60)
    except RayError:
        pass


def main():
    folder = os.environ["GROUND_TRUTH_FILE"] + "."
    here = me()
    in_threads(3, lambda n: ray.get([submit(leaf, caller=here) for _ in range(2)]))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: ray.get(submit(leaf, caller=here)), range(4)))
    ray.get([submit(task_with_threads), submit(branch, 2)])
    for ref in [submit(flaky, folder + "flaky"), submit(dies_once, folder + "died"), submit(broken)]:
        outcome(ref)
    for ref in submit(numbers.options(num_returns="streaming"), 3):
        ray.get(ref)
    threaded = submit(Threaded)
    outcome(submit(threaded.fail))
    ray.get([submit(threaded.work) for _ in range(3)] + [submit(threaded.pooled) for _ in range(2)])
    actor = submit(Async)
    ray.get([submit(actor.wait, 0.3), submit(actor.wait, 0.1), submit(actor.gather)])
    phoenix = submit(Phoenix)
    outcome(submit(phoenix.work))
    outcome(submit(phoenix.crash))
    for _ in range(20):
        try:
            ray.get(submit(phoenix.work))
            break
        except RayError:
            time.sleep(0.5)
    outcome(submit(phoenix.leave))
    drain()


main()
