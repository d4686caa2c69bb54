"""Train a convolutional network on the formatted sets of this training, with curves, snapshots and a clean end.

Hyper-parameters are those of ``params/default.json`` beside this file, with those chosen in the wizard over them. Started
again after a stop or a crash, it goes on from its newest snapshot; ``--anew`` begins from scratch. As several workers
(``trainyard train submit … --workers 2``, or the wizard's switch) it trains one network on all of them by
DistributedDataParallel; ``batch_size`` is then that of each. Asked to stop, all of them end after the same batch.
"""

import argparse
import logging
import math
import sys
from pathlib import Path

import network
import pictures
import torch
import torch.distributed
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from trainyard.errors import UserError
from trainyard.formats.loading import FormattedDataset
from trainyard.training import TrainInstance, params, places, replicas
from trainyard.training.pytorch import TorchMonitor

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


def validate(model: nn.Module, loader, device: str) -> dict[str, float]:
    """Loss and accuracy over the whole validation set."""
    model.eval()
    loss, right, count = 0.0, 0, 0
    with torch.inference_mode():
        for batch, labels in loader:
            scores, truth = model(batch.to(device)), labels.to(device)
            loss += F.cross_entropy(scores, truth, reduction="sum").item()
            right += (scores.argmax(1) == truth).sum().item()
            count += len(truth)
    model.train()
    return {"loss": loss / max(1, count), "accuracy": right / max(1, count)}


def fit(run: TrainInstance, chosen: dict, train: FormattedDataset, val: Path) -> TorchMonitor:
    """Train to the last epoch and keep the last model."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    edge = pictures.edge_of(train.folder, chosen["picture"]["edge"])
    at_once = chosen["batch_size"] * replicas.workers()
    batches, epochs = math.ceil(len(train) / at_once), chosen["epochs"]
    model = network.build(len(train.classes), edge, **chosen["network"]).to(device)
    wanted = chosen["optimizer"]
    optimizer = torch.optim.SGD(
        model.parameters(), wanted["learning_rate"], wanted["momentum"], weight_decay=wanted["weight_decay"], nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, wanted["learning_rate"], total_steps=epochs * batches + 1)
    monitor = TorchMonitor(
        run,
        model,
        optimizer,
        scheduler=schedule,
        batch_size=at_once,
        batch_freq=chosen["report_every_batches"],
        batches_per_epoch=batches,
        epochs=epochs,
        epoch_interval=chosen["snapshot_every_epochs"],
        other_files=[train.folder / "labels.csv"],
    )
    loader = pictures.loader(train.folder, edge, chosen, shuffle=True)
    # one replica looks at the validation set, the others wait for it at the next batch
    held_back = pictures.loader(val, edge, chosen, shuffle=False) if pictures.exists(val) and run.speaks else None
    begin = monitor.resume()
    together = DistributedDataParallel(model) if replicas.workers() > 1 else model
    # the same network in all replicas, other pictures in each
    torch.manual_seed(chosen["seed"] + replicas.rank())
    for epoch in range(begin, epochs):
        if isinstance(loader.sampler, pictures.DistributedSampler):
            loader.sampler.set_epoch(epoch)
        for number, (batch, labels) in enumerate(loader):
            scores, truth = together(pictures.varied(batch.to(device), chosen["picture"])), labels.to(device)
            loss = F.cross_entropy(scores, truth)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if schedule.last_epoch < schedule.total_steps - 1:
                schedule.step()
            right = (scores.detach().argmax(1) == truth).float().mean
            monitor.after_batch(epoch, number, loss=loss.detach(), accuracy=right)
        monitor.after_epoch(epoch, **(validate(model, held_back, device) if held_back is not None else {}))
    return monitor


def main() -> int:
    """0 when trained or asked to stop, 1 with a sentence when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--anew", action="store_true", help="begin from scratch even if there is a snapshot to go on from")
    anew = parser.parse_args().anew
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stdout)
    train, val = places.data("train"), places.data("val")
    if not pictures.exists(train):
        print(f"There is no formatted set with classes at {train}. Choose a training set.", file=sys.stderr)
        return 1
    data = FormattedDataset(train)
    if not isinstance(data[0][1], int):
        print(
            f"The pictures of {train} do not have one class each. Sets with boxes are for the detection example.",
            file=sys.stderr,
        )
        return 1
    chosen = hyper_parameters(len(data))
    torch.manual_seed(chosen["seed"])
    if replicas.workers() > 1:
        torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    with TrainInstance(resume=not anew, parameters=chosen) as run:
        if run.resumed_from:
            logging.info("going on after epoch %d from %s", run.resumed_from.epoch, run.resumed_from.file)
        monitor = fit(run, chosen, data, val)
    if replicas.workers() > 1:
        torch.distributed.destroy_process_group()
    for tag, value in sorted(monitor.latest.items()):
        if tag.startswith(("accuracy", "loss")):
            print(f"{tag} = {value:.4f}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
