"""How fast archives are made, against the pipelines that people use: ``make bench``."""
