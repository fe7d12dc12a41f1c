"""The xAPI resources of a source: keeping statements and documents, and finding them again."""
