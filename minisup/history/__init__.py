"""What has run: a row for each run that has ended, on disk or, without a state directory, in memory."""

FILE = "history.db"
"""The database's name in the state directory."""
