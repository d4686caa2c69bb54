"""The ``trainyard`` command: each step of the chain from a terminal.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly, 3 the platform cannot be reached, 130 interrupted.
"""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line; refusals are one sentence and their next step on standard error."""
    try:
        from trainyard.cli.app import command
        from trainyard.cli.ending import ended_by, prepare_streams
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    prepare_streams()
    sys.exit(ended_by(lambda: command()(standalone_mode=False, prog_name="trainyard")))
