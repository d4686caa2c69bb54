"""A Lightning module on numbers that are made: ``<epochs> <stop in epoch or -1>``."""

import logging
import os
import signal
import sys
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer
from trainyard.training import TrainInstance
from trainyard.training.lightning import LightningMonitor

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
epochs, stop = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(1)
inputs = torch.randn(256, 4)
data = torch.utils.data.TensorDataset(inputs, (inputs.sum(1) > 0).long())


class Module(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))

    def training_step(self, batch, number):
        scores = self.net(batch[0])
        loss = torch.nn.functional.cross_entropy(scores, batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        if (self.current_epoch, number) == (stop, 3):
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

    def validation_step(self, batch, number):
        self.log("val_acc", (self.net(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.02)


def loader():
    return torch.utils.data.DataLoader(data, batch_size=32)


with TrainInstance(resume=True) as run:
    reports = LightningMonitor(run, batch_size=32, batch_freq=2)
    trainer = Trainer(
        max_epochs=epochs,
        callbacks=[reports],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    print("begin", reports.monitor.begin_epoch, reports.monitor.step, flush=True)
    trainer.fit(Module(), loader(), loader(), ckpt_path=reports.latest())
print("accuracy", reports.monitor.latest["accuracy/validation"], "epochs", trainer.current_epoch)
