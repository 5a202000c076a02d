"""From the wish for a run to its process."""
