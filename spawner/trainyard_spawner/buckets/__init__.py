"""A bucket as files: one small process a mount, outside of every sandbox, which alone knows the keys.

It stands in this room because it is a process started for a person. ``mounts`` starts and ends it (what the service is handed);
everything else runs inside: ``daemon`` → ``filesystem`` (FUSE's calls) → ``tree`` (what is there), ``blocks`` (reading ahead),
``drafts`` (files being written) → ``store`` (S3).
"""
