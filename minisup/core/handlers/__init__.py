"""What happens to the fleet from outside: requests, reloads, clocks, survivors, scaling."""
