"""Doors: REST and GraphQL on the same services."""
