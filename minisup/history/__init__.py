"""What has run: a row for each run that has ended, on disk or, without a state directory, in memory."""
