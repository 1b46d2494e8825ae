"""Studies over many runs, a module each: `python -m experiments.NAME`."""

from parts.project.interrupts import quiet_imports

quiet_imports()
