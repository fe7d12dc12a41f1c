"""The impact engine: panels, estimators, diagnostics, evidence grade, power, attribution."""
