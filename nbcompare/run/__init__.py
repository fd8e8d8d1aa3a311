"""One case, one command, many cases: from text to a published bundle."""
