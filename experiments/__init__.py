"""Studies over many runs, a module each: `python -m experiments.NAME`."""

from parts.project.command import quiet_imports

quiet_imports()
