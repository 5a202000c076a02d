"""How values are written: nothing here knows a file, a key or the policy of a program."""
