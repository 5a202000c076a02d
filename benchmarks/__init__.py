"""minisup beside the limit and its peers: `python -m benchmarks`."""
