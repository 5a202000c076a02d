"""From a crontab."""
