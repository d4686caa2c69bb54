"""The ``trainyard`` command: each step of the chain from a terminal.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly, 3 the platform cannot be reached.
"""

from __future__ import annotations

import sys

NOT_REACHABLE = 3


def main() -> None:
    """Run the command line; refusals are one sentence and their next step on standard error."""
    from trainyard.cli.app import app
    from trainyard.errors import Unavailable, UserError

    try:
        app()
    except Unavailable as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_REACHABLE)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
