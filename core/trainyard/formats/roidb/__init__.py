"""Boxes as py-faster-rcnn's roidb, beside the pictures; README.md describes the arrays."""
