"""A ``Module.fit`` of several workers over MXNet's parameter server: ``<epochs> <seconds a batch>``."""

import sys
import time

import mxnet as mx
import numpy as np
from trainyard.training import TrainInstance
from trainyard.training.mxnet import ModuleMonitor, load_snapshot

epochs, seconds = int(sys.argv[1]), float(sys.argv[2])
store = mx.kvstore.create("dist_sync")  # servers and the scheduler come no further than the import
mx.random.seed(1)
inputs = np.random.default_rng(1).standard_normal((1024, 4)).astype(np.float32)
targets = (inputs.sum(1) > 0).astype(np.float32)
rank, workers = store.rank, store.num_workers
with TrainInstance(resume=True) as run:
    symbol, arguments, auxiliary = load_snapshot(run) or (
        mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2), name="softmax"),
        None,
        None,
    )
    monitor = ModuleMonitor(run, batch_size=32 * workers, epochs=epochs)
    module = mx.mod.Module(symbol)

    def batch_end(param):
        print("batch", monitor.step + 1, flush=True)
        time.sleep(seconds * (rank + 1))
        monitor.batch_end(param)

    print("begin", monitor.begin_epoch, monitor.step, flush=True)
    try:
        module.fit(
            mx.io.NDArrayIter(inputs[rank::workers], targets[rank::workers], 32, label_name="softmax_label"),
            kvstore=store,
            arg_params=arguments,
            aux_params=auxiliary,
            begin_epoch=monitor.begin_epoch,
            num_epoch=epochs,
            batch_end_callback=batch_end,
            epoch_end_callback=monitor.epoch_end,
        )
        monitor.finish()
    finally:
        weights = sum(float(np.abs(one.asnumpy()).sum()) for one in module.get_params()[0].values())
        print(f"ended {monitor.step} {weights:.6f}", flush=True)
