"""What a training script imports: an instance that reports itself, hyper-parameters, callbacks, snapshots.

Nothing here needs a framework or the platform; ``trainyard.training.mxnet`` holds MXNet's callbacks.
"""

from trainyard.training.instance import TrainInstance
from trainyard.training.monitor import Monitor, Reading
from trainyard.training.params import get_all, get_value
from trainyard.training.signals import Stopped
from trainyard.training.snapshots import Moment, Snapshot

__all__ = ["Moment", "Monitor", "Reading", "Snapshot", "Stopped", "TrainInstance", "get_all", "get_value"]
