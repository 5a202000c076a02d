"""`state_dir`: what the next minisup has to know, and how it stays there."""
