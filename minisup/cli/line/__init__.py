"""The command line as a language: what commands declare, how words are read, what `--help` and the shell are told."""
