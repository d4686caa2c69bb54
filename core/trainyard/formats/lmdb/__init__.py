"""LMDB with Caffe's ``Datum``; README.md describes the bytes."""
