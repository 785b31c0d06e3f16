"""A study's pages: what raters see, from consent to debrief, and the researcher's dashboard."""
