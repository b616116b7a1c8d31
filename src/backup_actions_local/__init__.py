"""The embedded AWS: one machine, real data, the same workflows. What it proves is agreement with our reading of AWS."""
