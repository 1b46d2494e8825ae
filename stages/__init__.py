"""The stages of dvc.yaml, a module each: `python -m stages.NAME`."""

from parts.project.command import quiet_imports

quiet_imports()
