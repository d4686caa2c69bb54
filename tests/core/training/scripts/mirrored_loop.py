"""The loop of the image's example under MultiWorkerMirroredStrategy: ``<epochs> <seconds a batch> <folder of the example>``."""

import sys
import time

import keras
import numpy as np
import tensorflow as tf
from trainyard.training import TrainInstance, replicas
from trainyard.training.keras import KerasMonitor

strategy = tf.distribute.MultiWorkerMirroredStrategy()
epochs, seconds = int(sys.argv[1]), float(sys.argv[2])
sys.path.insert(0, sys.argv[3])
import workers  # noqa: E402 - the example's

AT_ONCE = 64
keras.utils.set_random_seed(1)
inputs = np.random.default_rng(1).standard_normal((1024, 4)).astype(np.float32)
targets = (inputs.sum(1) > 0).astype(np.int32)


class Pace(KerasMonitor):
    def on_train_batch_end(self, batch, logs=None):
        print("batch", self.monitor.step + 1, flush=True)
        super().on_train_batch_end(batch, logs)
        time.sleep(seconds * (replicas.rank() + 1))


with TrainInstance(resume=True) as run, strategy.scope():
    layers = [keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.BatchNormalization()]
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    reports = Pace(run, batch_size=AT_ONCE)
    first = reports.resume(model)
    print("begin", first, reports.monitor.step, flush=True)
    data = tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(AT_ONCE, drop_remainder=True)
    try:
        workers.Loop(strategy, model, AT_ONCE).fit(data, None, 1024 // AT_ONCE, range(first, epochs), reports)
    finally:
        weights = sum(float(np.abs(one.numpy()).sum()) for one in model.trainable_variables)
        print(f"ended {reports.monitor.step} {weights:.6f}", flush=True)
