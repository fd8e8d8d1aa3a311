"""What git says of a folder, and work trees of our own."""
