"""RecordIO, the container of MXNet; README.md describes the bytes."""
