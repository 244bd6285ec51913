"""The null ladder, one rung a file: what a learned encoder must be better than."""
