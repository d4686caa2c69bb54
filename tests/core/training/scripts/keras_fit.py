"""A Keras model on numbers that are made: ``<epochs> <stop in epoch or -1>``."""

import os
import signal
import sys

import keras
import numpy as np
from trainyard.training import TrainInstance
from trainyard.training.keras import KerasMonitor

epochs, stop = int(sys.argv[1]), int(sys.argv[2])
keras.utils.set_random_seed(1)
inputs = np.random.default_rng(1).standard_normal((256, 4)).astype(np.float32)
targets = (inputs.sum(1) > 0).astype(np.int32)
layers = [keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2, activation="softmax")]
model = keras.Sequential(layers)
schedule = keras.optimizers.schedules.ExponentialDecay(0.03, 8, 0.9)
model.compile(optimizer=keras.optimizers.Adam(schedule), loss="sparse_categorical_crossentropy", metrics=["accuracy"])


class StopIn(keras.callbacks.Callback):
    epoch = -1

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == (stop, 3):
            os.kill(os.getpid(), signal.SIGTERM)


with TrainInstance(resume=True) as run:
    reports = KerasMonitor(run, batch_size=32, batch_freq=2)
    first = reports.resume(model)
    print("begin", first, reports.monitor.step, int(model.optimizer.iterations.numpy()), flush=True)
    settings = {"epochs": epochs, "initial_epoch": first, "batch_size": 32, "verbose": 0}
    model.fit(inputs, targets, validation_data=(inputs, targets), callbacks=[reports, StopIn()], **settings)
print("accuracy", reports.monitor.latest["accuracy/validation"])
