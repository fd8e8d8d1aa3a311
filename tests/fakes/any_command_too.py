"""Another program that takes any command and has no defect."""
from _any_command import main


def no_defect(argv, values):
    return 0


main(no_defect)
