"""Commands that change what runs: they ask the daemon, and wait if they are told to."""
