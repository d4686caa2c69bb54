"""A Lightning module on several workers: ``<epochs> <seconds a batch>``."""

import logging
import sys
import time
import warnings

import torch
from lightning.pytorch import LightningModule, Trainer
from trainyard.training import TrainInstance, replicas
from trainyard.training.lightning import LightningMonitor

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
epochs, seconds = int(sys.argv[1]), float(sys.argv[2])
torch.manual_seed(1)
inputs = torch.randn(1024, 4)
data = torch.utils.data.TensorDataset(inputs, (inputs.sum(1) > 0).long())


class Module(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))

    def training_step(self, batch, number):
        time.sleep(seconds * (replicas.rank() + 1))
        print("batch", reports.monitor.step + 1, flush=True)
        return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.02)


module = Module()
with TrainInstance(resume=True) as run:
    reports = LightningMonitor(run, batch_size=32 * replicas.workers())
    trainer = Trainer(
        max_epochs=epochs,
        callbacks=[reports],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        strategy="ddp",
        devices=1,
        num_nodes=replicas.workers(),
    )
    print("begin", reports.monitor.begin_epoch, reports.monitor.step, flush=True)
    try:
        trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=32), ckpt_path=reports.latest())
    finally:
        weights = sum(float(one.detach().abs().sum()) for one in module.parameters())
        print(f"ended {reports.monitor.step} {weights:.6f}", flush=True)
