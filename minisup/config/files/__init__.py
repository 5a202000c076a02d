"""From names of files to what they hold: found, trusted, opened and read, and the problems in them."""
