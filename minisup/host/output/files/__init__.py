"""Log files: opened, written and rotated in threads of their own."""
