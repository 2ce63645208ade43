"""What a user relies on, on real servers, through the Session."""
