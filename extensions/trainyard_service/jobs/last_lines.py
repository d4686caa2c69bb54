"""The last lines a program said, from a log in a folder that people may write to."""

from __future__ import annotations

import re
from pathlib import Path

from trainyard.metrics.beneath import open_beneath

MOST = 50
_BYTES = 64 * 1024
_LONGEST = 2000
# what the platform writes into a training's log before an attempt; what stands above it belongs to another one
_BEGIN = re.compile(r"=== .*: attempt \d+, \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC ===")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def last_lines(root: Path, relative: str) -> list[str]:
    """The last 50 lines of ``relative`` below the trusted folder ``root``, without colours; of a progress bar its last state.

    Only those of the newest attempt, where several share a log.
    """
    try:
        with open_beneath(root, relative) as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _BYTES))
            text = file.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return []
    # a progress bar draws over itself with carriage returns: what stands there in the end is what counts
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")]
    shown = [_COLOURS.sub("", line).replace("\0", "")[:_LONGEST] for line in lines]
    begin = next((place + 1 for place in range(len(shown) - 1, -1, -1) if _BEGIN.fullmatch(shown[place])), 0)
    return (shown[begin:-1] if not shown[-1] else shown[begin:])[-MOST:]
