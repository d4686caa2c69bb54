"""The Jupyter Server extension inside each workspace: launcher tiles, TensorBoard, terminal into a job."""
