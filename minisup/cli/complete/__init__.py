"""What the shell completes: its scripts, what they ask, and what there is to offer."""
