"""Text, HTML and progress bars for what came from a broker."""
