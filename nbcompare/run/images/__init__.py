"""Two images that exist already, run by nobody: read, aligned, judged by the targets of a port, tried turned and
mirrored, and published as a bundle."""
