"""Why two images differ, shown by running engines."""
