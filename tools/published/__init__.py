"""Models that others have published, made into bundles. None of their weights are kept here."""
