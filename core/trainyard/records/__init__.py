"""The shapes that travel between service, pages, command line and scripts; what REST answers with and accepts.

Times are UTC (``datetime`` with zone), sizes bytes, durations seconds. A record named ``New…`` is what a caller sends to make
something; ``…Change`` carries only the fields to change.
"""
