"""``python -m trainyard_service [serve|bootstrap|rotate-storage-key|move-database]``."""

from trainyard_service.main import main

main()
