"""Ways to count the work that waits. They run in processes of their own (`python -m minisup.probes`)."""
