"""Train a small detector on the formatted sets of this training: any format that holds boxes.

Hyper-parameters are those of ``params/default.json`` beside this file, with those chosen in the wizard over them. Started
again after a stop or a crash, it goes on from its newest snapshot; ``--anew`` begins from scratch.
"""

import argparse
import logging
import math
import sys
from pathlib import Path

import boxes
import network
import numpy as np
import torch
from torch.utils.data import DataLoader
from trainyard.errors import UserError
from trainyard.formats.loading import FormattedDataset, keep_apart
from trainyard.training import TrainInstance, params, places, replicas
from trainyard.training.pytorch import TorchMonitor

HERE = Path(__file__).resolve().parent
LARGEST_EDGE = 512
SAMPLES_WORTH_IT = 12_000


def hyper_parameters(data: FormattedDataset) -> dict:
    """The chosen parameters; "auto" epochs show some ten thousand pictures, an "auto" edge is that of the first picture."""
    chosen = params.load(HERE / "params" / "default.json")
    if chosen["epochs"] == "auto":
        chosen["epochs"] = min(60, max(12, SAMPLES_WORTH_IT // max(1, len(data))))
    chosen["batch_size"] = max(2, min(chosen["batch_size"], len(data) // 2))
    edge = chosen["picture"]["edge"]
    edge = min(max(data[0][0].shape[1:]), LARGEST_EDGE) if edge == "auto" else int(edge)
    # every fourth pixel of half of it is looked at
    chosen["picture"]["edge"] = max(32, round(edge / 8) * 8)
    return chosen


def loader(folder: Path, chosen: dict, *, shuffle: bool) -> DataLoader:
    """Lists of pictures and of targets; the boxes are in pixels of the resized picture."""
    edge = chosen["picture"]["edge"]
    return DataLoader(
        FormattedDataset(folder, size=(edge, edge)),
        batch_size=chosen["batch_size"],
        shuffle=shuffle,
        num_workers=chosen["picture"]["workers"],
        collate_fn=keep_apart,
    )


def stacked(pictures: list[np.ndarray]) -> torch.Tensor:
    """Pictures of one size as a batch, from -1 to 1."""
    return torch.from_numpy(np.stack(pictures)) * 2 - 1


def validate(model: torch.nn.Module, held_back: DataLoader, classes: int, device: str) -> dict[str, float]:
    """Loss, and mean average precision at an overlap of one half."""
    model.eval()
    losses, answers, truths = [], [], []
    with torch.inference_mode():
        for pictures, targets in held_back:
            output = tuple(part.cpu() for part in model(stacked(pictures).to(device)))
            losses.append(network.loss_of(output, boxes.wanted(targets, classes, output[0].shape[-1])).item())
            answers += boxes.found(output)
            truths += targets
    model.train()
    return {"loss": float(np.mean(losses)), "map": boxes.average_precision(answers, truths, classes)}


def fit(run: TrainInstance, chosen: dict, train: FormattedDataset, val: Path) -> TorchMonitor:
    """Train to the last epoch and keep the last model."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    classes, epochs = len(train.classes), chosen["epochs"]
    batches = math.ceil(len(train) / chosen["batch_size"])
    model = network.Detector(classes, chosen["network"]["channels"]).to(device)
    wanted = chosen["optimizer"]
    optimizer = torch.optim.AdamW(model.parameters(), wanted["learning_rate"], weight_decay=wanted["weight_decay"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    monitor = TorchMonitor(
        run,
        model,
        optimizer,
        scheduler=schedule,
        batch_size=chosen["batch_size"],
        batch_freq=chosen["report_every_batches"],
        batches_per_epoch=batches,
        epochs=epochs,
        epoch_interval=chosen["snapshot_every_epochs"],
        other_files=[train.folder / "labels.csv"],
    )
    data = loader(train.folder, chosen, shuffle=True)
    held_back = loader(val, chosen, shuffle=False) if (val / "labels.csv").is_file() else None
    for epoch in range(monitor.resume(), epochs):
        for number, (pictures, targets) in enumerate(data):
            output = model(stacked(pictures).to(device))
            aim = tuple(part.to(device) for part in boxes.wanted(targets, classes, output[0].shape[-1]))
            loss = network.loss_of(output, aim)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            monitor.after_batch(epoch, number, loss=loss.detach())
        schedule.step()
        monitor.after_epoch(epoch, **(validate(model, held_back, classes, device) if held_back is not None else {}))
    return monitor


def main() -> int:
    """0 when trained or asked to stop, 1 with a sentence when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--anew", action="store_true", help="begin from scratch even if there is a snapshot to go on from")
    anew = parser.parse_args().anew
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    if replicas.workers() > 1:
        print("This example trains in one process; the example simple shows how to train on several workers.", file=sys.stderr)
        return 1
    train = places.data("train")
    if not (train / "labels.csv").is_file():
        print(f"There is no formatted set with classes at {train}. Choose a training set.", file=sys.stderr)
        return 1
    data = FormattedDataset(train)
    if not isinstance(data[0][1], dict):
        print(f"The pictures of {train} have no boxes. Sets with classes are for the simple example.", file=sys.stderr)
        return 1
    chosen = hyper_parameters(data)
    torch.manual_seed(chosen["seed"])
    with TrainInstance(resume=not anew, parameters=chosen) as run:
        if run.resumed_from:
            logging.info("going on after epoch %d from %s", run.resumed_from.epoch, run.resumed_from.file)
        monitor = fit(run, chosen, data, places.data("val"))
    for tag, value in sorted(monitor.latest.items()):
        if tag.startswith(("loss", "map")):
            print(f"{tag} = {value:.4f}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
