"""Ray Train without a framework: two workers, whose first run fails, so that both are started again. See ground_truth.py."""

import os
import time

import ray
from ground_truth import covered, drain
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

ray.init(address="auto", namespace="truth", log_to_driver=False)


def train(config):
    with covered("training"):
        time.sleep(0.5)
        if ray.train.get_context().get_world_rank() == 0 and not os.path.exists(config["path"]):
            open(config["path"], "w").close()
            raise RuntimeError("the first run fails")
        ray.train.report({"loss": 1.0})


def main():
    path = os.environ["GROUND_TRUTH_FILE"]
    trainer = DataParallelTrainer(
        train,
        train_loop_config={"path": path + ".trained"},
        scaling_config=ScalingConfig(num_workers=2, resources_per_worker={"CPU": 0.5}),
        run_config=RunConfig(storage_path=path + ".results", failure_config=FailureConfig(max_failures=1)),
    )
    trainer.fit()
    drain()


main()
