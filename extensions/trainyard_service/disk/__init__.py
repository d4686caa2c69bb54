"""Bytes on the volume: whose they are, measuring what people write, refusing what does not fit, sweeping orphans."""
