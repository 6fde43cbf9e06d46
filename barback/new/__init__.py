"""A small project that works at once, made from the files in ``template/``."""

from barback.new.project import MAX_NAME_LENGTH, check_directory, check_name, make_project
from barback.new.requirements import PINNED

__all__ = ["MAX_NAME_LENGTH", "PINNED", "check_directory", "check_name", "make_project"]
