"""Models that were kept: listed and verified snapshots of trainings, and packed models people bring themselves."""

from trainyard.models.packed import ModelManifest, contents, keep, read_manifest, verify
from trainyard.training.snapshots import Snapshot, newest, snapshots

__all__ = ["ModelManifest", "Snapshot", "contents", "keep", "newest", "read_manifest", "snapshots", "verify"]
