"""What a template asks of the cloud: whether it holds together, who may do what, what is there."""
