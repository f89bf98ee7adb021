"""Rows in, examples out: read, split, audit, fingerprint."""
