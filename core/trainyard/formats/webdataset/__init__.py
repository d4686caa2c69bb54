"""Tar shards as the webdataset library reads them; README.md describes them."""
