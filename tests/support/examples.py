"""How many examples a test generates: as the profile says, or a fifth of that where one takes long."""

from hypothesis import settings

FEW = settings(max_examples=settings().max_examples // 5)
