"""A local cloud: OSS, its triggers and function instances on one machine, without Docker."""
