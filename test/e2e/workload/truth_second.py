"""A second job, in another trace: uses what truth_services.py left behind, long after that driver ended; see ground_truth.py."""

import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import ray
from ground_truth import drain, logged, submit

LONG_SECONDS = 22

ray.init(address="auto", namespace="truth", log_to_driver=False)


@ray.remote(num_cpus=0.1)
def middle(call, keeper):
    with logged(call):
        ray.get(submit(keeper.use_child))


def request(seconds):
    port = os.environ["GROUND_TRUTH_SERVE_PORT"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/?seconds={seconds}", timeout=120) as answer:
        assert answer.read() == b"done"


def main():
    keeper = ray.get_actor("keeper")
    with ThreadPoolExecutor(3) as pool:
        requests = [pool.submit(request, seconds) for seconds in [LONG_SECONDS, LONG_SECONDS, 1]]
        ray.get(submit(middle, keeper))
        ray.get(submit(keeper.hold, LONG_SECONDS))
        ray.get(submit(middle, keeper))
        for one in requests:
            one.result()
    time.sleep(1)
    ray.kill(keeper)
    drain()


main()
