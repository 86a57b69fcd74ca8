"""What is promised, shown: runs that take longer than tests may."""
