"""How fast it is, against what the machine could do: `fanlight bench`."""
