"""The runs of a case over time: what each was and gave, what changed from one to the next, and what shrank."""
