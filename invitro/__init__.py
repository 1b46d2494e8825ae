"""The embedded default: a made-up world, its company, the base model trained on such worlds, and a rule-based teacher.

No part and no stage imports this package: it is reached as any outside part would be, by a URL (server), a model folder
(models/base) or a corpus folder (data/raw).
"""

from parts.project.interrupts import quiet_imports

quiet_imports()
