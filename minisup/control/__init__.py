"""The control socket: its protocol, its end in the daemon, and the client."""
