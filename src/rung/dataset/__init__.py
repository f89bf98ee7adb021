"""Rows in, examples out: read, split, audit, fingerprint.

read.py         any source to rows, with places      decode.py, formats.py, hub.py: bytes, formats, Hugging Face
gather.py       all that a task file names, with every finding; examples.py, labels.py, scope.py: rows, classes, no class
entities.py     the entities of a row in any shape; tags.py: BIO and its kin; conversations.py: references, turns
fields.py       the object of a row under a JSON schema
own_metric.py   a metric of the user's own
load.py         the dataset to compare on, or the first error
audit.py        all findings and figures; near.py, measures.py: near duplicates, lengths and balance
split.py        seeded splits and nested subsets     fingerprint.py: identity of the rows
"""

from rung.dataset.load import Dataset, load_dataset
from rung.dataset.read import read_rows
from rung.dataset.rows import Finding, Problem, Row

# The functions `audit` and `split` stay in the modules of their names: here they would hide them.
__all__ = ["Dataset", "Finding", "Problem", "Row", "load_dataset", "read_rows"]
