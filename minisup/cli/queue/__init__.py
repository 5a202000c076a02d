"""Commands on the queue of a program: they do without a minisup that runs."""
