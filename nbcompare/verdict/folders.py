"""What the folders of further runs are called in a bundle; they stand in a module that loads nothing, as a run needs
them to begin its bundle."""

from __future__ import annotations

NOISE_FOLDER = "noise"
CLAIMS_FOLDER = "divergences"
DEVICE_FOLDER = "device"
SUBJECTS_FOLDER = "subjects"
