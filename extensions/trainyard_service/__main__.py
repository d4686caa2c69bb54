"""``python -m trainyard_service [serve|bootstrap|rotate-storage-key|move-database]``."""

from trainyard.deferred import imported

imported("trainyard_service.main").main()
