"""The deployable zips: what each function needs, for the platform's Python, and nothing more."""
