"""What the simulator prints and writes beside the float image."""
