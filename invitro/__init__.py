"""The embedded default: a made-up world, its company, the small model raised on such worlds, and a teacher by rules.

Nothing else in the repository imports this package: it is reached as any outside part would be,
by a URL (server), a model folder (models/base) or a corpus folder (data/raw).
"""
