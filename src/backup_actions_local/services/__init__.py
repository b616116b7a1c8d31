"""The parts of AWS that the embedded one implements itself: each a class with a name and handlers."""
