"""Pictures as files of their own with their lists; README.md describes the files."""
