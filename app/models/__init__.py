"""Nouns: one file per family; table, Write, Patch and Read, top to bottom."""
