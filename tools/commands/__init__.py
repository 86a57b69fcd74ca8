"""One module for each command of `fanlight`."""
