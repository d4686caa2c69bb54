"""A PyTorch loop of one's own on numbers that are made: ``<epochs> <stop in epoch or -1>``."""

import os
import signal
import sys

import torch
from trainyard.training import TrainInstance
from trainyard.training.pytorch import TorchMonitor

epochs, stop = int(sys.argv[1]), int(sys.argv[2])
torch.manual_seed(1)
inputs = torch.randn(256, 4)
targets = (inputs.sum(1) > 0).long()
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
optimizer = torch.optim.Adam(model.parameters(), 0.01)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)
with TrainInstance(resume=True) as run:
    monitor = TorchMonitor(run, model, optimizer, scheduler=schedule, batch_size=32, batch_freq=2, epochs=epochs)
    first = monitor.resume()
    moments = optimizer.state_dict()["state"]
    print("begin", first, monitor.step, len(moments), f"{optimizer.param_groups[0]['lr']:.5f}", flush=True)
    for epoch in range(first, epochs):
        for number, at in enumerate(range(0, 256, 32)):
            scores = model(inputs[at : at + 32])
            loss = torch.nn.functional.cross_entropy(scores, targets[at : at + 32])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if (epoch, number) == (stop, 3):
                os.kill(os.getpid(), signal.SIGTERM)
            monitor.after_batch(epoch, number, loss=loss, accuracy=(scores.argmax(1) == 0).float().mean)
        schedule.step()
        right = (model(inputs).argmax(1) == targets).float().mean()
        monitor.after_epoch(epoch, accuracy=right)
print("accuracy", monitor.latest["accuracy/validation"])
