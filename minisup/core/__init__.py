"""The policy: pure, without clock, file, process or chance. `fleet.py` has the rules."""
