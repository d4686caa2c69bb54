"""A training that counts records instead of learning, and reports through the SDK as a real one does."""

import os
import sys
import time
from pathlib import Path

from trainyard.formats.recordio.reader import RecordIOReader
from trainyard.metrics import tags
from trainyard.training import params
from trainyard.training.instance import TrainInstance
from trainyard.training.snapshots import Moment

print("first line", flush=True)
epochs = params.get_value("epochs")
samples = len(RecordIOReader(Path("/workspace/mnt/data/train")))
run = TrainInstance()
for epoch in range(epochs):
    run.log(tags.LOSS_TRAIN, 1 / (epoch + 1), step=(epoch + 1) * 10)
    run.log(tags.EPOCH, epoch + 1, step=(epoch + 1) * 10)
    run.log(tags.ACCURACY_VALIDATION, 0.5, step=(epoch + 1) * 10)
weights = Path("/tmp/weights")
weights.write_bytes(os.urandom(1000))
run.save_snapshot({"snapshot-0001.params": weights}, Moment(epochs, epochs * 10, metrics={"accuracy/validation": 0.5}))
print(f"{samples} samples, {epochs} epochs", flush=True)
while params.get_all().get("wait") and not run.stopping:
    time.sleep(0.05)
run.done()
sys.exit(params.get_all().get("exit", 0))
