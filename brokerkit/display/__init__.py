"""Text, HTML and progress bars for data that came from a broker."""
