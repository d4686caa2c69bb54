"""Workers that step together by DistributedDataParallel, each at a pace of its own: ``<epochs> <seconds a batch>``."""

import sys
import time

import torch
from torch.nn.parallel import DistributedDataParallel
from trainyard.training import TrainInstance, replicas
from trainyard.training.pytorch import TorchMonitor

epochs, seconds = int(sys.argv[1]), float(sys.argv[2])
torch.distributed.init_process_group("gloo")
torch.manual_seed(1)
inputs = torch.randn(1024, 4)
targets = (inputs.sum(1) > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), 0.01)
rank, workers = replicas.rank(), replicas.workers()
with TrainInstance(resume=True) as run:
    monitor = TorchMonitor(run, model, optimizer, batch_size=32 * workers, epochs=epochs)
    first = monitor.resume()
    together = DistributedDataParallel(model)
    print("begin", first, monitor.step, flush=True)
    try:
        for epoch in range(first, epochs):
            for number, at in enumerate(range(rank * 32, 1024, 32 * workers)):
                time.sleep(seconds * (rank + 1))
                loss = torch.nn.functional.cross_entropy(together(inputs[at : at + 32]), targets[at : at + 32])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                print("batch", monitor.step + 1, flush=True)
                monitor.after_batch(epoch, number, loss=loss)
            monitor.after_epoch(epoch)
    finally:
        weights = sum(float(one.abs().sum()) for one in model.parameters())
        print(f"ended {monitor.step} {weights:.6f}", flush=True)
torch.distributed.destroy_process_group()
