"""The command line. Each family of commands has its room."""
