"""The stages of dvc.yaml, a module each: `python -m stages.NAME`."""

from parts.project.interrupts import quiet_imports

quiet_imports()
