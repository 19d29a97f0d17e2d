#!python
"""The command `tiller`: starts the program that lies in the package, without importing the package."""
import os
import sys
from importlib.util import find_spec

spec = find_spec("tiller")
if spec is None or not spec.submodule_search_locations:
    sys.exit("tiller: the package of this command is not installed; install tiller-steering again")
program = os.path.join(spec.submodule_search_locations[0], "bin", "tiller")
try:
    os.execv(program, ["tiller", *sys.argv[1:]])
except OSError as error:
    sys.exit(f"tiller: {program} cannot be started ({error.strerror}); install tiller-steering again")
