"""A machine in virtual time, on which the policy and that of supervisord can be tried."""
