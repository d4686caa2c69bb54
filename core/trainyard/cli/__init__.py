"""The ``trainyard`` command: each step of the chain from a terminal.

Exit codes: 0 done, 1 refused or failed, 2 used wrongly, 3 the platform cannot be reached.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainyard.errors import UserError

WRONGLY_USED = 2
NOT_REACHABLE = 3


def main() -> None:
    """Run the command line; refusals are one sentence and their next step on standard error."""
    from pydantic import ValidationError

    from trainyard.cli.app import app
    from trainyard.cli.show import language
    from trainyard.errors import Unavailable, UserError

    try:
        app()
    except Unavailable as error:
        _tell(error, language())
        sys.exit(NOT_REACHABLE)
    except UserError as error:
        _tell(error, language())
        sys.exit(1)
    except ValidationError as error:
        for problem in error.errors():
            print(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}", file=sys.stderr)
        sys.exit(WRONGLY_USED)


def _tell(error: UserError, language: str) -> None:
    print(*filter(None, (error.text(language), error.hint_text(language))), file=sys.stderr)
