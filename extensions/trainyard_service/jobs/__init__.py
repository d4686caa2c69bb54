"""Jobs: the ledger and the queue, and the reconciler that makes what runs fit what is wanted."""
