"""HTTP over the library: an API that existing clients speak, and pages for people."""
