"""Thin entry points: what Lambda and Batch start. They build the world and call the code that a description names."""
