"""Training metrics are TensorBoard event files: written by callbacks, read while they grow, drawn by TensorBoard and by us.

``EventWriter`` writes, ``EventReader`` and ``RunReader`` read incrementally, ``SeriesTable`` holds what they found,
``sampling.view`` makes a chart's points of it, ``tags`` names the scalars the pages know.
"""

from trainyard.metrics.reader import EventReader, News, Problem, RunReader
from trainyard.metrics.sampling import downsample, view
from trainyard.metrics.series import Points, Series, SeriesTable, Update
from trainyard.metrics.writer import EventWriter

__all__ = [
    "EventReader",
    "EventWriter",
    "News",
    "Points",
    "Problem",
    "RunReader",
    "Series",
    "SeriesTable",
    "Update",
    "downsample",
    "view",
]
