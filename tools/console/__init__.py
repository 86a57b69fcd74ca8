"""The console: a page that shows what a local cloud is doing, and takes pictures for it."""
