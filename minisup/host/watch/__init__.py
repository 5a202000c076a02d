"""Files that are watched: of the configuration, of programs, and those that a held program needs."""
