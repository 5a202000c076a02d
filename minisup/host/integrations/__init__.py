"""What minisup tells and asks others: hooks, systemd, the ECS agent, and who knows how much work waits."""
