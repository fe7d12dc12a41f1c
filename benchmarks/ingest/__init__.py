"""How fast deliveries are taken in, beside a bare handler on the same engine (docs/benchmarks.md)."""
