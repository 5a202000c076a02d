"""From other supervisors' files to a minisup configuration, with a report of what became of every key."""
