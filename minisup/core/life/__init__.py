"""The life of a slot: started, given its message, ended, stopped, and what is told of it."""
