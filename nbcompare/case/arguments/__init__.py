"""A nanoBragg command line: options, their values, the files they name, the defects they switch on."""
