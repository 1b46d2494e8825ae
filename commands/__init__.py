"""What a person asks of a run, a module each: `python -m commands.NAME`."""

from parts.project.interrupts import quiet_imports

quiet_imports()
