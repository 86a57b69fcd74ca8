"""What a backfill or a launch will take: measured work, a simulated fleet, dated prices."""
