"""What came out: results and dead letters as rows, chosen by what they say, in several forms."""
