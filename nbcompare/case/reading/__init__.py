"""YAML read strictly, with the place of every value and every fault at once."""
