"""``python -m trainyard_hub.stack run|stop [--jobs]``."""

from __future__ import annotations

import argparse

from pydantic import ValidationError
from trainyard.errors import UserError
from trainyard.settings import unreadable

from trainyard_hub.settings import Settings
from trainyard_hub.stack.console import Terminal
from trainyard_hub.stack.run import run
from trainyard_hub.stack.stop import stop


def main() -> int:
    """Do what the arguments say; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainyard_hub.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start the platform and stay in the foreground")
    stopping = commands.add_parser("stop", help="stop platform and workspaces")
    stopping.add_argument("--jobs", action="store_true", help="end running jobs too")
    arguments = parser.parse_args()
    terminal = Terminal()
    try:
        settings = Settings()
    except UserError as error:
        terminal.refuse(error)
        return 2
    except ValidationError as error:
        terminal.refuse(unreadable(Settings, error))
        return 2
    if arguments.command == "run":
        return run(settings, terminal)
    return stop(settings, terminal, jobs=arguments.jobs)


if __name__ == "__main__":
    raise SystemExit(main())
