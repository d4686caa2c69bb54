"""Starts a workspace's server, ``python -P -m trainyard_server.start``: the Hub's server without what nobody needs.

Two thirds of a stock server's start are imports, a third of those for a check of addresses no schema of ours asks for; then it
asks Node.js, where the machine has it, how packages would be fetched. Images are read-only: nothing is built in them.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any

from trainyard.deferred import defer_iri_grammar


def main() -> None:
    """Run until the Hub or the person ends it."""
    defer_iri_grammar()
    # a hundred thousand objects are made while importing, all of them to stay: looking for garbage among them is in vain
    gc.disable()
    _spare_yarn()
    serve = import_module("jupyterhub.singleuser").main
    import_module("tornado.ioloop").IOLoop.current().add_callback(_collect_again)
    serve()


def _spare_yarn() -> None:
    """Answer as on a machine without Node.js, where JupyterLab takes its default package registry."""
    vars(import_module("jupyterlab.commands"))["_yarn_config"] = _no_configuration


def _no_configuration(_logger: Any) -> dict[str, dict[str, Any]]:
    return {"yarn config": {}, "npm config": {}}


def _collect_again() -> None:
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    main()
