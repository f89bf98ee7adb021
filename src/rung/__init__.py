"""Rung: prompt it, ground it, or tune it? Every way of adapting a language model, compared honestly. Loads nothing heavy."""
