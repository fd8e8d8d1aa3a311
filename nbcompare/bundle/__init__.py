"""The folder that proves a result: its names, manifest, record and texts."""
