"""What `check` knows of this machine, beside the configuration."""
