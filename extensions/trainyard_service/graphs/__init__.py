"""The preprocessing graph on the platform: checks and previews, runs as jobs, and graphs that are kept as templates."""
