"""Images by way of the deployed function: events made, sent, and followed to their results."""
