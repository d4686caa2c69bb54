"""Train a convolutional network on the formatted sets of this training, with curves, snapshots and a clean end.

Hyper-parameters are those of ``params/default.json`` beside this file, with those chosen in the wizard over them. Started
again after a stop or a crash, it goes on from its newest snapshot; ``--anew`` begins from scratch. As several workers
(``trainyard train submit … --workers 2``, or the wizard's switch) it trains one network on all of them over MXNet's
parameter server; ``batch_size`` is then that of each.
"""

import argparse
import logging
import math
import random
import sys
from pathlib import Path

import mxnet as mx
import network
import numpy as np
import pictures
from trainyard.errors import UserError
from trainyard.training import TrainInstance, params, places, replicas
from trainyard.training.mxnet import ModuleMonitor, load_snapshot

HERE = Path(__file__).resolve().parent
SAMPLES_WORTH_IT = 560_000


def hyper_parameters(samples: int) -> dict:
    """The chosen parameters; "auto" epochs show the network about half a million pictures.

    MXNet's reader needs more pictures than one batch holds, so a small set is trained in smaller batches.
    """
    chosen = params.load(HERE / "params" / "default.json")
    if chosen["epochs"] == "auto":
        chosen["epochs"] = min(24, max(8, SAMPLES_WORTH_IT // max(1, samples)))
    if chosen["batch_size"] >= samples:
        chosen["batch_size"] = max(1, samples // 2)
    return chosen


def optimizer(chosen: dict, batches: int, begin: int) -> dict:
    """Stochastic gradient descent whose rate warms up and falls along a cosine to the last batch."""
    wanted = chosen["optimizer"]
    schedule = mx.lr_scheduler.CosineScheduler(
        max_update=chosen["epochs"] * batches,
        base_lr=wanted["learning_rate"],
        final_lr=wanted["final_learning_rate"],
        warmup_steps=min(wanted["warm_up_epochs"], chosen["epochs"]) * batches,
        warmup_begin_lr=wanted["learning_rate"] / 10,
    )
    return {
        "learning_rate": wanted["learning_rate"],
        "momentum": wanted["momentum"],
        "wd": wanted["weight_decay"],
        "lr_scheduler": schedule,
        "begin_num_update": begin,
    }


def fit(run: TrainInstance, chosen: dict, train: Path, val: Path) -> ModuleMonitor:
    """Train to the last epoch and keep the last model."""
    shape = pictures.shape(train, chosen["picture"]["edge"])
    # servers and the scheduler never come so far: they begin to serve when mxnet is imported, and leave with the last worker
    store = mx.kvstore.create("dist_sync" if replicas.workers() > 1 else "local")
    at_once = chosen["batch_size"] * store.num_workers
    batches = math.ceil(pictures.count(train) / at_once)
    symbol, arguments, auxiliary = load_snapshot(run) or (
        network.build(pictures.classes(train), shape.edge, **chosen["network"]),
        None,
        None,
    )
    begin = run.resumed_from.epoch if run.resumed_from else 0
    monitor = ModuleMonitor(
        run,
        batch_size=at_once,
        batch_freq=chosen["report_every_batches"],
        batches_per_epoch=batches,
        epochs=chosen["epochs"],
        epoch_interval=chosen["snapshot_every_epochs"],
        other_files=[train / "labels.csv"],
    )
    device = mx.gpu() if mx.context.num_gpus() else mx.cpu()
    mx.mod.Module(symbol, context=device).fit(
        pictures.training(train, shape, chosen, pictures.Part(store.rank, store.num_workers, batches)),
        eval_data=pictures.validation(val, shape, chosen) if pictures.exists(val) and run.speaks else None,
        kvstore=store,
        eval_metric=["accuracy", "ce"],
        optimizer="sgd",
        optimizer_params=optimizer(chosen, batches, begin * batches),
        initializer=mx.init.Xavier(factor_type="in", magnitude=2),
        arg_params=arguments,
        aux_params=auxiliary,
        begin_epoch=begin,
        num_epoch=chosen["epochs"],
        batch_end_callback=monitor.batch_end,
        epoch_end_callback=monitor.epoch_end,
        eval_end_callback=monitor.eval_end,
    )
    monitor.finish()
    return monitor


def main() -> int:
    """0 when trained or asked to stop, 1 with a sentence when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--anew", action="store_true", help="begin from scratch even if there is a snapshot to go on from")
    anew = parser.parse_args().anew
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    train, val = places.data("train"), places.data("val")
    if not pictures.exists(train):
        print(f"There is no RecordIO set at {train}. Choose a training set in the format recordio.", file=sys.stderr)
        return 1
    chosen = hyper_parameters(pictures.count(train))
    random.seed(chosen["seed"])
    np.random.seed(chosen["seed"])
    mx.random.seed(chosen["seed"])
    with TrainInstance(resume=not anew, parameters=chosen) as run:
        if run.resumed_from:
            logging.info("going on after epoch %d from %s", run.resumed_from.epoch, run.resumed_from.file)
        monitor = fit(run, chosen, train, val)
    for tag, value in sorted(monitor.latest.items()):
        if tag.startswith(("accuracy", "loss")):
            print(f"{tag} = {value:.4f}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
