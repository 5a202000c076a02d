"""What a key may hold and what it means: the tables of the file below `schema`."""
