"""What a session takes from a subscription and acknowledges: pull, batches."""
