"""Language models whose weights are here: what prompts share is read once, answers are scored exactly or written.

causal.py and seq2seq.py open them; wording.py makes tokens of prompts; scoring.py, on tree.py, scores answers; decoding.py writes
them, held to a schema by grammar.py; reading.py is the attention under both.
"""
