"""What jobs have printed, and what has happened: `logs`, `events`."""
