"""From a supervisord.conf."""
