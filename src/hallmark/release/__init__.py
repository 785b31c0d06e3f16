"""A staged release: gates written before measuring, the decision on them, cards, verification."""
