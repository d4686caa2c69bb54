"""Runs the Hub, ``python -m trainyard_hub.hub_main -f jupyterhub_config.py``: JupyterHub, ready a second earlier."""

from __future__ import annotations

from trainyard.deferred import defer_iri_grammar, imported


def main() -> None:
    """Run until SIGTERM."""
    defer_iri_grammar()
    imported("jupyterhub.app").main()


if __name__ == "__main__":
    main()
