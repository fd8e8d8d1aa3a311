"""Pure functions, one quantity a module: tensors in, tensor out."""
