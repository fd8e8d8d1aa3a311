"""What follows from a command's arguments: detector, crystal, steps."""
