"""Fetch the pictures that a list names on the web into its owner's bucket, as a job that goes on where it was killed.

The job has no network: it asks the service for each url, which fetches it (``trainyard.datasets.web``) and puts it into the
bucket under a key that follows from url and content. The job decides what is asked when: so many at once, so many at one host,
again after a while what may be there later. What has ended stands in a journal and is never asked for again.

======================  ===============================================================================================
``fetched.jsonl``       the journal: one line for each url that has ended, stored or failed
``failures.jsonl``      the lines of the list that were left out: line, url, cause
``fetch.json``          counts, written with the new list
``index.jsonl``         the new list: ``url`` in the bucket, ``source_url`` the one before, ``ops`` "download()"
======================  ===============================================================================================
"""
