"""`up`, and the commands that need no running minisup: `health`, `check`, `init`."""
