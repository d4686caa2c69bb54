"""``python -m trainyard.cli``."""

from trainyard.cli import main

main()
