"""Receivers: processes of their own that talk to a queue for minisup (`python -m minisup.receivers`)."""
