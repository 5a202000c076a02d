"""What the control socket and signals ask for, carried out on the supervisor."""
