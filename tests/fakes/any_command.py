"""An engine that takes any command, and has no defect."""
from _any_command import main

main(lambda argv, values: 0)
