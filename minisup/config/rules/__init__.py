"""What no single key can tell: combinations that are impossible."""
