"""Sentences to learn from, and what learns from them: see ``training/README.md``. Not part of the package."""
