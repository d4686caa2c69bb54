"""Train a convolutional network on the formatted sets of this training, with curves, snapshots and a clean end.

Hyper-parameters are those of ``params/default.json`` beside this file, with those chosen in the wizard over them. Started
again after a stop or a crash, it goes on from its newest snapshot; ``--anew`` begins from scratch. As several workers
(``trainyard train submit … --workers 2``, or the wizard's switch; ``TF_CONFIG`` names them) it trains one network on all of
them; ``batch_size`` is then that of each. Asked to stop, all of them end after the same batch.
"""

import argparse
import logging
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import network
import pictures
import tensorflow as tf
import workers
from trainyard.errors import UserError
from trainyard.formats.loading import FormattedDataset
from trainyard.training import TrainInstance, params, places, replicas
from trainyard.training.keras import KerasMonitor

HERE = Path(__file__).resolve().parent
SAMPLES_WORTH_IT = 560_000


def hyper_parameters(samples: int) -> dict:
    """The chosen parameters; "auto" epochs show the network about half a million pictures."""
    chosen = params.load(HERE / "params" / "default.json")
    if chosen["epochs"] == "auto":
        chosen["epochs"] = min(24, max(8, SAMPLES_WORTH_IT // max(1, samples)))
    # a batch of one cannot be normalised
    chosen["batch_size"] = max(2, min(chosen["batch_size"], samples // 2))
    return chosen


def together() -> tf.distribute.Strategy:
    """All workers that ``TF_CONFIG`` names, or this process alone; to be asked for before anything else of TensorFlow."""
    return tf.distribute.MultiWorkerMirroredStrategy() if replicas.workers() > 1 else tf.distribute.get_strategy()


def compiled(classes: int, edge: int, chosen: dict, batches: int) -> keras.Model:
    """The network with its loss, and an optimizer whose rate falls along a cosine to the last batch."""
    wanted = chosen["optimizer"]
    warm_up = batches
    schedule = keras.optimizers.schedules.CosineDecay(
        wanted["learning_rate"] / 10,
        decay_steps=max(1, chosen["epochs"] * batches - warm_up),
        warmup_target=wanted["learning_rate"],
        warmup_steps=warm_up,
    )
    model = network.build(classes, edge, **chosen["network"])
    model.compile(
        optimizer=keras.optimizers.SGD(schedule, wanted["momentum"], nesterov=True, weight_decay=wanted["weight_decay"]),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def fit(run: TrainInstance, chosen: dict, train: FormattedDataset, val: Path) -> KerasMonitor:
    """Train to the last epoch and keep the last model."""
    edge = pictures.edge_of(train.folder, chosen["picture"]["edge"])
    at_once = chosen["batch_size"] * replicas.workers()
    batches = pictures.steps(len(train), at_once)
    model = compiled(len(train.classes), edge, chosen, batches)
    reports = KerasMonitor(
        run,
        batch_size=at_once,
        batch_freq=chosen["report_every_batches"],
        batches_per_epoch=batches,
        epoch_interval=chosen["snapshot_every_epochs"],
        other_files=[train.folder / "labels.csv"],
    )
    data = pictures.batches(train.folder, edge, chosen, at_once, training=True)
    held_back = pictures.batches(val, edge, chosen, at_once, training=False) if pictures.exists(val) else None
    begin = reports.resume(model)
    if replicas.workers() > 1:
        loop = workers.Loop(tf.distribute.get_strategy(), model, at_once)
        loop.fit(data, held_back, batches, range(begin, chosen["epochs"]), reports)
    else:
        told = {"callbacks": [reports], "verbose": 0}
        model.fit(data, validation_data=held_back, epochs=chosen["epochs"], initial_epoch=begin, **told)
    return reports


def main() -> int:
    """0 when trained or asked to stop, 1 with a sentence when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--anew", action="store_true", help="begin from scratch even if there is a snapshot to go on from")
    anew = parser.parse_args().anew
    strategy = together()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    train, val = places.data("train"), places.data("val")
    if not pictures.exists(train):
        print(f"There is no formatted set with classes at {train}. Choose a training set.", file=sys.stderr)
        return 1
    data = FormattedDataset(train)
    if not isinstance(data[0][1], int):
        print(f"The pictures of {train} have no class each. Choose a set of a classification label set.", file=sys.stderr)
        return 1
    chosen = hyper_parameters(len(data))
    keras.utils.set_random_seed(chosen["seed"])
    with TrainInstance(resume=not anew, parameters=chosen) as run, strategy.scope():
        if run.resumed_from:
            logging.info("going on after epoch %d from %s", run.resumed_from.epoch, run.resumed_from.file)
        reports = fit(run, chosen, data, val)
    for tag, value in sorted(reports.monitor.latest.items()) if replicas.speaks() else ():
        if tag.startswith(("accuracy", "loss")):
            print(f"{tag} = {value:.4f}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
