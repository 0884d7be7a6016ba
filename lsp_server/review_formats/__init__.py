"""A review as text for a terminal, Markdown for a pull request, SARIF for code scanners, JSON for scripts.

Each format turns a ``Review`` and the suspicions of a model into one text, the same for the same review.
What comes from the repository (paths, names, code) is made harmless for where it is shown.
"""
