"""Shards of ``tf.train.Example``; README.md describes the features."""
