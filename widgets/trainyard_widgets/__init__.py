"""The widgets Trainyard's pages are made of: one small class and one JavaScript file each."""
