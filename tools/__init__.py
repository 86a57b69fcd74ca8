"""What people run: the `fanlight` command, the local cloud, training."""
