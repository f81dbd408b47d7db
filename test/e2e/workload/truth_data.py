"""Ray Data: a function, a pool of actors, and a function that fails; see ground_truth.py."""

import time

import ray
from ground_truth import covered, drain

ray.init(address="auto", namespace="truth", log_to_driver=False)
ray.data.DataContext.get_current().enable_progress_bars = False


def double(batch):
    with covered("function"):
        time.sleep(0.1)
        return {"id": batch["id"] * 2}


class Model:
    def __call__(self, batch):
        with covered("method"):
            time.sleep(0.1)
            return batch


def bad(batch):
    with covered("failing function"):
        raise ValueError("a bad block")


def main():
    rows = ray.data.range(80, override_num_blocks=4)
    rows.map_batches(double).map_batches(Model, compute=ray.data.ActorPoolStrategy(size=1)).materialize()
    try:
        ray.data.range(10, override_num_blocks=1).map_batches(bad).materialize()
    except Exception as error:
        print("failed as it should:", type(error).__name__)
    drain()


main()
