"""The words of this project. Nothing here calls AWS or reads a disk."""
