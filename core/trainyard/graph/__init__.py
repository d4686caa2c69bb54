"""The preprocessing graph: from a dataset, through filters and random operations on pictures, to a new dataset."""
