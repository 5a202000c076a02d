"""Processes: reaped, looked at in /proc, signalled; what outlives its run, and what it takes in memory."""
