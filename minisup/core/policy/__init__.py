"""What the policy computes: budgets, backoff, pace, outcomes, planned starts. Pure functions and small records."""
