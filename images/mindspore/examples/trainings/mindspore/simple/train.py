"""Train a convolutional network on the formatted sets of this training, with curves, snapshots and a clean end.

Hyper-parameters are those of ``params/default.json`` beside this file, with those chosen in the wizard over them. Started
again after a stop or a crash, it goes on from its newest snapshot; ``--anew`` begins from scratch.
"""

import argparse
import logging
import sys
from pathlib import Path

import mindspore
import network
import numpy as np
import pictures
from mindspore import nn
from monitor import MindSporeMonitor
from trainyard.errors import UserError
from trainyard.formats.loading import FormattedDataset
from trainyard.training import TrainInstance, params, places, replicas

HERE = Path(__file__).resolve().parent
SAMPLES_WORTH_IT = 560_000


def hyper_parameters(samples: int) -> dict:
    """The chosen parameters; "auto" epochs show the network about half a million pictures."""
    chosen = params.load(HERE / "params" / "default.json")
    if chosen["epochs"] == "auto":
        chosen["epochs"] = min(24, max(8, SAMPLES_WORTH_IT // max(1, samples)))
    chosen["batch_size"] = max(2, min(chosen["batch_size"], samples // 2))
    return chosen


def validate(model: nn.Cell, data) -> dict[str, float]:
    """Loss and accuracy over the whole validation set."""
    model.set_train(False)
    loss_of, loss, right, count = nn.CrossEntropyLoss(reduction="sum"), 0.0, 0, 0
    for batch, labels in data.create_tuple_iterator():
        scores = model(batch)
        loss += float(loss_of(scores, labels).asnumpy())
        right += int((scores.asnumpy().argmax(1) == labels.asnumpy()).sum())
        count += len(labels)
    return {"loss": loss / max(1, count), "accuracy": right / max(1, count)}


def fit(run: TrainInstance, chosen: dict, train: FormattedDataset, val: Path) -> MindSporeMonitor:
    """Train to the last epoch and keep the last model."""
    edge = pictures.edge_of(train.folder, chosen["picture"]["edge"])
    data = pictures.batches(train.folder, edge, chosen, training=True)
    held_back = pictures.batches(val, edge, chosen, training=False) if pictures.exists(val) else None
    batches, epochs, wanted = data.get_dataset_size(), chosen["epochs"], chosen["optimizer"]
    model = network.build(len(train.classes), edge, **chosen["network"])
    rates = nn.cosine_decay_lr(0.0, wanted["learning_rate"], epochs * batches, batches, epochs)
    optimizer = nn.Momentum(
        model.trainable_params(), rates, wanted["momentum"], weight_decay=wanted["weight_decay"], use_nesterov=True
    )
    monitor = MindSporeMonitor(
        run,
        model,
        optimizer,
        batch_size=chosen["batch_size"],
        batch_freq=chosen["report_every_batches"],
        batches_per_epoch=batches,
        epochs=epochs,
        epoch_interval=chosen["snapshot_every_epochs"],
        other_files=[train.folder / "labels.csv"],
    )
    loss_of = nn.CrossEntropyLoss()
    gradients = mindspore.value_and_grad(lambda batch, labels: loss_of(model(batch), labels), None, optimizer.parameters)
    for epoch in range(monitor.resume(), epochs):
        model.set_train(True)
        for number, (batch, labels) in enumerate(data.create_tuple_iterator()):
            loss, found = gradients(batch, labels)
            optimizer(found)
            monitor.after_batch(epoch, number, loss)
        monitor.after_epoch(epoch, **(validate(model, held_back) if held_back is not None else {}))
    return monitor


def main() -> int:
    """0 when trained or asked to stop, 1 with a sentence when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--anew", action="store_true", help="begin from scratch even if there is a snapshot to go on from")
    anew = parser.parse_args().anew
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    if replicas.workers() > 1:
        print("This example trains in one process.", file=sys.stderr)
        return 1
    train, val = places.data("train"), places.data("val")
    if not pictures.exists(train):
        print(f"There is no formatted set with classes at {train}. Choose a training set.", file=sys.stderr)
        return 1
    data = FormattedDataset(train)
    if not isinstance(data[0][1], int):
        print(f"The pictures of {train} have no class each. Choose a set of a classification label set.", file=sys.stderr)
        return 1
    chosen = hyper_parameters(len(data))
    mindspore.set_seed(chosen["seed"])
    np.random.seed(chosen["seed"])
    with TrainInstance(resume=not anew, parameters=chosen) as run:
        if run.resumed_from:
            logging.info("going on after epoch %d from %s", run.resumed_from.epoch, run.resumed_from.file)
        monitor = fit(run, chosen, data, val)
    for tag, value in sorted(monitor.latest.items()):
        if tag.startswith(("accuracy", "loss")):
            print(f"{tag} = {value:.4f}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
