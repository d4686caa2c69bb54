"""A Gluon loop of one's own on numbers that are made: ``<epochs> <stop in epoch or -1>``."""

import os
import signal
import sys

import mxnet as mx
from trainyard.training import TrainInstance
from trainyard.training.mxnet import GluonMonitor

epochs, stop = int(sys.argv[1]), int(sys.argv[2])
mx.random.seed(1)
inputs = mx.nd.random.normal(shape=(256, 4))
targets = inputs.sum(axis=1) > 0
net = mx.gluon.nn.HybridSequential()
net.add(mx.gluon.nn.Dense(8, activation="relu"), mx.gluon.nn.Dense(2))
net.initialize(mx.init.Xavier())
net.hybridize()
net(inputs[:1])
trainer = mx.gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.02})
loss_of = mx.gluon.loss.SoftmaxCrossEntropyLoss()
metric, validation = mx.metric.Accuracy(), mx.metric.Accuracy()
with TrainInstance(resume=True) as run:
    monitor = GluonMonitor(run, batch_size=32, batch_freq=2, epochs=epochs)
    first = monitor.resume(net, trainer)
    print("begin", first, monitor.step, trainer._optimizer.num_update, flush=True)
    for epoch in range(first, epochs):
        metric.reset()
        for number, at in enumerate(range(0, 256, 32)):
            with mx.autograd.record():
                scores = net(inputs[at : at + 32])
                loss = loss_of(scores, targets[at : at + 32])
            loss.backward()
            trainer.step(32)
            metric.update([targets[at : at + 32]], [scores])
            if (epoch, number) == (stop, 3):
                os.kill(os.getpid(), signal.SIGTERM)
            monitor.after_batch(epoch, number, metric, trainer, net)
        validation.reset()
        validation.update([targets], [net(inputs)])
        monitor.after_epoch(epoch, net, validation)
print("accuracy", monitor.latest["accuracy/validation"])
