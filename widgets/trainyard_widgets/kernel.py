"""A page's kernel, ``python -m trainyard_widgets.kernel``: loads all pages before one is asked for, then serves its widget."""

from __future__ import annotations

import importlib
import sys

from ipykernel.kernelapp import IPKernelApp
from trainyard.words import catalogue
from traitlets.config import Config

from trainyard_widgets.page import STATIC


def preload() -> None:
    """Import every page that has a bundle, and the words of both languages: whoever comes first should not wait for them."""
    for bundle in sorted(STATIC.glob("*.js")):
        if bundle.with_suffix(".py").name in {file.name for file in STATIC.parent.glob("*.py")}:
            importlib.import_module(f"trainyard_widgets.{bundle.stem}")
    catalogue("zh")


def main() -> None:
    """Run the kernel until it is killed; its connection file is named on the command line (``-f``)."""
    preload()
    config = Config()
    config.HistoryManager.enabled = False
    config.IPKernelApp.capture_fd_output = False
    IPKernelApp.launch_instance(argv=sys.argv[1:], config=config)


if __name__ == "__main__":
    main()
