"""Fanlight: classifies images as they land in an OSS bucket. What every entry point shares."""
