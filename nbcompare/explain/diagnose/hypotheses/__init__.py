"""What may have gone wrong, as edits of a command or parameters to fit."""
