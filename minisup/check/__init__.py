"""What `minisup check` says of a configuration: what it will do, and numbered warnings. Facts come from outside."""
