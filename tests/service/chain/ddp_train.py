"""A small convolutional network on real digits, by one worker or by several with DistributedDataParallel."""

import os
from pathlib import Path

import numpy as np
import torch
import torch.distributed
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset
from trainyard.training import TrainInstance, params, replicas

rank, workers = replicas.rank(), replicas.workers()
if workers > 1:
    torch.distributed.init_process_group("gloo")
rows = np.load(Path("digits.npz"))
train, test = (
    TensorDataset(
        torch.from_numpy(rows[part][:, :784].reshape(-1, 1, 28, 28) / np.float32(255)),
        torch.from_numpy(rows[part][:, 784].astype(np.int64)),
    )
    for part in ("train", "test")
)
torch.manual_seed(1)
network = nn.Sequential(
    *(nn.Conv2d(1, 8, 5, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU()), nn.Flatten(), nn.Linear(16 * 25, 10)
)
together = DistributedDataParallel(network) if workers > 1 else network
optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9)
sampler = DistributedSampler(train, seed=1) if workers > 1 else None
loader = DataLoader(train, params.get_value("batch_size"), shuffle=sampler is None, sampler=sampler)
print("other pictures" if rank else "first pictures", len(loader) * params.get_value("batch_size"), os.getpid(), flush=True)
step = 0
with TrainInstance() as run:
    for epoch in range(3):
        if sampler is not None:
            sampler.set_epoch(epoch)
        for pictures, labels in loader:
            loss = F.cross_entropy(together(pictures), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            run.log("loss/train", loss.item(), step)
    with torch.inference_mode():
        right = (network(test.tensors[0]).argmax(1) == test.tensors[1]).float().mean().item()
    run.log("accuracy/validation", right, step)
print(f"accuracy = {right:.4f}", flush=True)
if workers > 1:
    torch.distributed.destroy_process_group()
